"""``dispatcher console``: pages on which people run campaigns, and their users."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import click

from dispatcher.cli.options import current_settings
from dispatcher.cli.output import reader, say
from dispatcher.errors import ConfigurationError

_PACKAGE = "dispatcher.contrib.django.console"
_ROLES = ("writes", "approves", "operates")


@click.group(invoke_without_command=True)
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=8040,
    show_default=True,
    help="The port; 0 takes a free one.",
)
@click.option(
    "--name",
    "names",
    multiple=True,
    help="A host name that browsers use, behind a proxy with TLS; may be repeated.",
)
@click.pass_context
def console(context: click.Context, *, host: str, port: int, names: tuple[str, ...]) -> None:
    """Serve pages on which people run campaigns, until Ctrl-C; behind a proxy with TLS."""
    server = _ready(names)
    context.obj = server
    if context.invoked_subcommand is None:
        server.serve(host, port, lambda at: say(f"the console is at http://{host}:{at}/"))


@console.command()
@click.argument("name")
@click.option(
    "--role",
    "roles",
    type=click.Choice(_ROLES),
    multiple=True,
    required=True,
    help="What the person does; may be repeated.",
)
@click.option("--sees-numbers", is_flag=True, help="Show this person numbers in full.")
@click.password_option(help="By default it is asked for.")
@click.pass_obj
def createuser(
    server: Any, *, name: str, roles: tuple[str, ...], sees_numbers: bool, password: str
) -> None:
    """Add the user NAME, who may then sign in."""
    code = reader().code
    server.make_user(name, password, roles, sees_numbers=sees_numbers, language=code)
    say(f"{name} may sign in: {', '.join(roles)}")


def _ready(names: tuple[str, ...]) -> Any:
    """The server's module, with Django set up. Raises ConfigurationError if it is not installed."""
    # by name: the command line does not know Django, which is above it
    try:
        for needed in ("django", "axes", "whitenoise"):
            import_module(needed)
    except ImportError:
        raise ConfigurationError(
            "the console is not installed: pip install 'sms-campaign-dispatcher[console]'"
        ) from None
    project = import_module(f"{_PACKAGE}.project")
    project.configure(current_settings(), hosts=list(names))
    server = import_module(f"{_PACKAGE}.server")
    server.prepare()
    return server

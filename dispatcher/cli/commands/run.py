"""``dispatcher run``: workers, beat and Redis on one machine, as children of one process."""

from __future__ import annotations

import os
import re
import sys
from typing import TYPE_CHECKING

import click

from dispatcher.cli.flower import guarded
from dispatcher.cli.options import environment, open_dispatcher
from dispatcher.cli.output import quote, say
from dispatcher.cli.preflight import check_key
from dispatcher.cli.worker_options import refuse_unfit
from dispatcher.errors import ConfigurationError
from dispatcher.settings.libraries import unfit_for_workers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dispatcher.local.child import Child
    from dispatcher.settings import Settings

#: seconds that a worker may take, after a call's own limit, to record its outcome
_AFTERWARDS = 10.0
_PORT, _LAST_PORT = "DISPATCHER_METRICS_PORT", 65_535
_LOAD = "from dispatcher.local.own_workers import load; "
#: what `celery -A workers …` does, with our own `workers` whatever lies on the path of modules
_CELERY = f"{_LOAD}load('celery'); import celery.__main__; celery.__main__.main()"
#: the same for a worker or a beat, which need no more than that of Celery
_LEAN = f"{_LOAD}load('__main__').main()"
_ALONE = (("worker",), ("beat",))
#: options for which Celery does something before its command, or starts itself anew
_WHOLE = ("-P", "--pool", "-D", "--detach")


@click.command()
@click.option(
    "--workers",
    type=click.IntRange(0, 64),
    default=2,
    show_default=True,
    help="How many worker processes.",
)
@click.option("--no-beat", is_flag=True, help="Without beat: another machine runs it.")
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    default="info",
    show_default=True,
    help="The log level of workers and beat.",
)
def run(*, workers: int, no_beat: bool, log_level: str) -> None:
    """Run workers and beat until Ctrl-C, with an embedded Redis if none is set."""
    if unfit := unfit_for_workers():
        raise ConfigurationError(unfit)
    dispatcher = open_dispatcher(needs_tables=False)
    settings = dispatcher.settings
    dispatcher.check()
    check_key(dispatcher)
    dispatcher.database.close()

    from dispatcher.local.supervisor import Supervisor
    from dispatcher.settings.logs import json_line

    env = environment()
    children: list[Child] = []
    if settings.broker_url is None:
        children.append(_redis(env))
    grace = settings.call_timeout + _AFTERWARDS
    children += [
        _worker(turn, log_level, _with_port(env, settings, turn), grace)
        for turn in range(1, workers + 1)
    ]
    if not no_beat:
        children.append(_beat(log_level, env))
    if not children:
        raise click.UsageError("nothing to run: no worker, no beat, and Redis is set")
    line = json_line if settings.log_format == "json" else None
    starting = f"starting {', '.join(child.name for child in children)}; Ctrl-C stops"
    for words in (f"database: {dispatcher.database.place}", starting):
        say(words) if line is None else quote(line("dispatcher", words))
    raise click.exceptions.Exit(Supervisor(children, sys.stdout, line).run())


@click.command(
    context_settings={"ignore_unknown_options": True, "help_option_names": []},
    add_help_option=False,
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def celery(*, arguments: tuple[str, ...]) -> None:
    """Become Celery, on the workers' app and with these settings (worker, beat, inspect)."""
    env = environment()
    if "flower" in arguments:
        arguments = tuple(guarded(arguments, env))
    if "worker" in arguments:
        refuse_unfit(arguments)
    alone = arguments[:1] in _ALONE and not any(word.startswith(_WHOLE) for word in arguments)
    argv = _lean(*arguments) if alone else _celery(*arguments)
    sys.stdout.flush()
    os.execve(sys.executable, argv, env)  # noqa: S606 - no shell is wanted


def _redis(env: dict[str, str]) -> Child:
    """The embedded Redis; its URL, with the password, goes to all children by ``env`` alone."""
    from dispatcher.local.child import Child
    from dispatcher.local.redis import find_server, loopback_url

    find_server()  # raises ConfigurationError while there is still a sentence to be said
    env["DISPATCHER_BROKER_URL"] = str(loopback_url())
    return Child(
        "redis",
        [sys.executable, "-P", "-m", "dispatcher.local.redis"],
        env=env,
        ready=re.compile("Ready to accept connections"),
    )


def _with_port(env: Mapping[str, str], settings: Settings, turn: int) -> Mapping[str, str]:
    """Each worker serves its own metrics: the first on the port that is set, and so on."""
    if settings.metrics_port is None:
        return env
    port = settings.metrics_port + turn - 1
    if port > _LAST_PORT:
        raise ConfigurationError("DISPATCHER_METRICS_PORT: there are not that many ports after it")
    others = {name: value for name, value in env.items() if name != f"{_PORT}_FILE"}
    return others | {_PORT: str(port)}


def _worker(turn: int, log_level: str, env: Mapping[str, str], grace: float) -> Child:
    from dispatcher.local.child import Child

    return Child(
        f"worker{turn}",
        _lean("worker", "-n", f"worker{turn}@%h", "--loglevel", log_level),
        env=env,
        grace=grace,
        ready=re.compile(r'worker\d+@\S+ ready\.(?="|$)'),
        group="workers",
    )


def _beat(log_level: str, env: Mapping[str, str]) -> Child:
    from dispatcher.local.child import Child

    return Child("beat", _lean("beat", "--loglevel", log_level), env=env)


def _celery(*args: str) -> list[str]:
    return [sys.executable, "-P", "-c", _CELERY, "-q", "-A", "dispatcher_workers", *args]


def _lean(*args: str) -> list[str]:
    return [sys.executable, "-P", "-c", _LEAN, "-q", *args]

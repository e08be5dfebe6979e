"""``dispatcher sandbox``: the fake gateway in the foreground, to try an integration with."""

from __future__ import annotations

import asyncio
import secrets

import click

from dispatcher.cli.exits import Refusal, Unusable
from dispatcher.cli.output import quote, reader, say


@click.command()
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=0,
    help="On 127.0.0.1; a free one by default.",
)
@click.option(
    "--key", envvar="SANDBOX_KEY", help="The API key to ask for; a random one by default."
)
@click.option(
    "--ledger",
    metavar="FILE",
    default="sandbox-ledger.jsonl",
    show_default=True,
    help="What was really texted, a line per send.",
)
@click.option(
    "--latency-ms",
    type=click.FloatRange(0),
    default=0.0,
    show_default=True,
    help="How long every answer takes.",
)
@click.option(
    "--clock-offset",
    type=float,
    envvar="DISPATCHER_CLOCK_OFFSET",
    default=0.0,
    help="Seconds that its clock runs ahead.",
)
@click.option(
    "--delivery-seconds",
    type=click.FloatRange(0),
    nargs=2,
    default=(1.0, 3.0),
    show_default=True,
    help="When reports come, least and most.",
)
@click.option(
    "--switch", "switches", multiple=True, metavar="NAME=JSON", help="One switch of its behaviour."
)
def sandbox(
    *,
    port: int,
    key: str | None,
    ledger: str,
    latency_ms: float,
    clock_offset: float,
    delivery_seconds: tuple[float, float],
    switches: tuple[str, ...],
) -> None:
    """Run a gateway that texts nobody, until Ctrl-C."""
    from dispatcher.local.redis import free_port
    from dispatcher.sandbox.gateway.behaviour import Behaviour
    from dispatcher.sandbox.gateway.server import serve

    behaviour = {"delivery_seconds": [*delivery_seconds], **dict(map(switch, switches))}
    try:
        Behaviour().changed(behaviour)
    except (TypeError, ValueError, ArithmeticError) as error:
        raise Unusable(f"--switch: {error}") from None
    port = port or free_port()
    own_key = key is not None
    key = key or secrets.token_hex(20)
    say("To use it, set in the environment of workers and programs:")
    quote(f"  export DISPATCHER_API_URL=http://127.0.0.1:{port}/v1")
    given = f"… {reader().say('the key that was given')}" if own_key else key
    quote(f"  export DISPATCHER_API_KEY={given}")
    try:
        asyncio.run(
            serve(
                ledger=ledger,
                key=key,
                port=port,
                latency=latency_ms / 1000,
                clock_offset=clock_offset,
                switches=behaviour,
            )
        )
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        raise Refusal(f"the sandbox cannot run: {where}{error.strerror}") from None


def switch(value: str) -> tuple[str, object]:
    """A switch from the command line: its value is JSON or, failing that, a text."""
    import json

    name, _, value = value.partition("=")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value

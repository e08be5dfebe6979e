"""``dispatcher webhooks``: a small server for what the gateway posts."""

from __future__ import annotations

import logging
import signal

import click

from dispatcher.cli.options import open_dispatcher
from dispatcher.cli.output import say

#: calls that are stored at once
_THREADS = 16


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=8030,
    show_default=True,
    help="The port; 0 takes a free one.",
)
def webhooks(*, host: str, port: int) -> None:
    """Take the gateway's reports, replies and STOPs until Ctrl-C, behind a proxy with TLS."""
    dispatcher = open_dispatcher(needs_tables=False)
    # here, not above: --help needs none of it
    from dispatcher.api.webhooks import Webhooks
    from dispatcher.api.wsgi_server import Server
    from dispatcher.settings.logs import harden

    logging.basicConfig(
        level=logging.INFO, format="[%(asctime)s: %(levelname)s/%(processName)s] %(message)s"
    )
    harden(logging.getLogger().handlers, dispatcher.settings)
    application = Webhooks(dispatcher)
    dispatcher.prepare()
    server = Server(application, host, port, threads=_THREADS)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: server.stop())
    say(f"listening on {host} port {server.port}, under /<webhook secret>/")
    server.serve()

"""``dispatcher demo``: a whole campaign through real processes, with nothing to set up."""

from __future__ import annotations

import click


@click.command()
def demo() -> None:
    """Send 5,000 made-up SMS through real processes, and check every one."""
    from dispatcher.sandbox.demo import run

    raise click.exceptions.Exit(run())

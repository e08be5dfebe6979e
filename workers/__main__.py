"""The processes, and no more of Celery: ``python -m workers worker``, or ``beat``.

Celery's own command loads every other command and those of its plugins (a shell, Flower):
ten to twenty megabytes that a worker would keep. The options are Celery's.
"""

from __future__ import annotations

import sys
from typing import Any, cast

import click
from celery.bin.base import CLIContext
from celery.bin.beat import beat
from celery.bin.worker import worker

from dispatcher.cli.worker_options import refuse_unfit
from dispatcher.errors import ConfigurationError

from .celery import app


@click.group()
@click.option("-q", "--quiet", is_flag=True, help="No banner.")
@click.option("--no-color", envvar="NO_COLOR", is_flag=True, help="No colours.")
@click.pass_context
def processes(context: click.Context, *, quiet: bool, no_color: bool) -> None:
    """Run a worker or a beat of the SMS campaign dispatcher; the options are Celery's."""
    context.obj = CLIContext(cast("Any", app), no_color, workdir=None, quiet=quiet)


processes.add_command(worker)
processes.add_command(beat)


def main() -> None:
    """Do what the command line says."""
    try:
        refuse_unfit(sys.argv[1:])  # before Celery imports what such a pool needs
    except ConfigurationError as error:
        sys.exit(f"error: {error}")
    processes(prog_name="python -m workers")


if __name__ == "__main__":
    main()

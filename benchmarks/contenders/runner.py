"""A contender in a process of its own: it prepares, waits for a signal, and reports its end."""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RunOptions:
    """The task of a runner; ``start`` is the first of the ``count`` people."""

    url: str
    broker: str
    threads: int
    start: int
    count: int


def parse_options() -> RunOptions:
    """Read the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", required=True)
    parser.add_argument("--broker", default="")
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--start", type=int, default=0)
    parser.add_argument("--count", type=int, default=0)
    return RunOptions(**vars(parser.parse_args()))


def say(word: str) -> None:
    """Send a line to the harness."""
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


def wait_for_the_word() -> None:
    """Report that all is ready, and wait for the harness; end when it ends."""
    say("ready")
    if not sys.stdin.readline():
        raise SystemExit


def arguments(options: RunOptions) -> list[str]:
    """The command line that ``options`` parses."""
    return [
        *("--url", options.url, "--threads", str(options.threads)),
        *("--start", str(options.start), "--count", str(options.count)),
        *(("--broker", options.broker) if options.broker else ()),
    ]

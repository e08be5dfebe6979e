"""A contender in a process of its own that gets ready, waits for the word, and says when done."""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Asked:
    """What a runner is asked to do; ``start`` is the first of the ``count`` people."""

    url: str
    broker: str
    threads: int
    start: int
    count: int


def asked() -> Asked:
    """Read the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", required=True)
    parser.add_argument("--broker", default="")
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--start", type=int, default=0)
    parser.add_argument("--count", type=int, default=0)
    return Asked(**vars(parser.parse_args()))


def say(word: str) -> None:
    """Tell the harness."""
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


def wait_for_the_word() -> None:
    """Say that all is ready, and wait for the harness; at its end, end too."""
    say("ready")
    if not sys.stdin.readline():
        raise SystemExit


def arguments(asked: Asked) -> list[str]:
    """The command line that ``asked`` reads."""
    return [
        *("--url", asked.url, "--threads", str(asked.threads)),
        *("--start", str(asked.start), "--count", str(asked.count)),
        *(("--broker", asked.broker) if asked.broker else ()),
    ]

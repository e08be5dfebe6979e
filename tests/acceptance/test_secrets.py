"""Row 54 of the fault matrix: key, numbers and texts are nowhere but in the calls to the gateway.

A site with everything at DEBUG goes through campaigns in which every kind of fault occurs; all its
output is collected, and searched at the end. SQLite: one line of code hides the errors of both
databases.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from sqlalchemy import select

from dispatcher.storage.tables import Action, Attempt, Batch
from tests.acceptance.flower_server import FlowerServer
from tests.acceptance.installation import Installation, people

BULK, BY_TAG, STATUSES = "/v1/bulk-send", "/v1/bulk-status-by-tag", "/v1/multi-status"
TEXT = "Le renard passe demain: {{ remise }} pour vous"


@pytest.fixture(scope="module")
def everyone() -> list[str]:
    return people(40)


def secrets_of(site: Installation, everyone: list[str]) -> dict[str, str]:
    """What nothing may show, with a pattern that finds it; a number in any spelling."""
    return {
        "the key": re.escape(site.gateway.key),
        "half of the key": re.escape(site.gateway.key[:20]),
        "a number": "|".join(rf"{'[ .-]?'.join(phone[3:])}" for phone in everyone),
        "the text": "renard",
        "what a text is filled with": "moins-douze",
    }


def test_nothing_shows_key_number_or_text(
    tmp_path: Path, sqlite_url: str, everyone: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    with (
        Installation(tmp_path, sqlite_url, doubt_limit=50, call_timeout=3) as site,
        monitored(site) as output,
    ):
        worker = site.worker("worker", "-l", "DEBUG", "-E")
        beat = site.start("beat", "celery", "-A", "workers", "beat", "-l", "DEBUG")
        flower = FlowerServer(site)
        every_kind_of_trouble(site, everyone)
        pages = flower.pages()
        worker.stop()
        site.wait(lambda: "dispatcher.tick" in dump(site), "a tick to be queued")
        printing = [site.start(words[0], "dispatcher.cli", *words) for words in COMMANDS]
        for command in printing:
            command.process.wait()
        heard = {
            "this process's log": caplog.text,
            "Redis": dump(site),
            "the commands of Redis": "\n".join(output),
            "the database but for recipients and texts": columns(site),
            **{f"Flower's {path}": page for path, page in pages.items()},
            **{f"{child.name}'s log": child.log.read_text() for child in site.children},
        }
        assert beat.alive
        # the campaigns have left traces
        assert "dispatcher.send_batch" in heard["the commands of Redis"]
        assert "dispatcher.tick" in heard["Redis"]
        assert any(path.startswith("/task/") for path in pages)
        assert "the connection was cut" in heard["worker's log"]
        assert "doubtful" in heard["doubts's log"]
        # and the search finds secrets where they are
        ledger = site.gateway.ledger_path.read_text() + site.gateway.key
        hidden = base64.b64encode(ledger.encode()).decode()
        assert set(found(ledger, site, everyone)) == set(found(hidden, site, everyone)) != set()
        assert len(found(ledger, site, everyone)) == len(secrets_of(site, everyone))
        assert {
            place: what for place in heard if (what := found(heard[place], site, everyone))
        } == {}
        site.check()


#: commands that a person runs meanwhile
COMMANDS = [("progress", "quiet"), ("doubts",), ("doctor",)]


def found(words: str, site: Installation, everyone: list[str]) -> list[str]:
    """The secrets in ``words``."""
    return [
        what
        for what, pattern in secrets_of(site, everyone).items()
        if re.search(pattern, words + decoded(words))
    ]


#: the faults of the sends, in their order; the first send succeeds
TROUBLE: list[dict[str, Any]] = [
    {"kind": "reset_after_read", "nth": 2},
    {"kind": "hang"},
    {"kind": "status", "status": 502},
    {"kind": "status", "status": 429, "headers": {"Retry-After": "1"}},
    {"kind": "corrupt", "how": "foreign_numbers"},
    {"kind": "code", "code": 9, "processed": False},
    {"kind": "status", "status": 307, "headers": {"Location": "http://127.0.0.1:9/v1/bulk-send"}},
]


def every_kind_of_trouble(site: Installation, everyone: list[str]) -> None:
    """Run a campaign for each fault of a send, with lookups and polls that fail, too."""
    for fault in TROUBLE:
        site.gateway.fault(path=BULK, **fault)
    for path in (BY_TAG, STATUSES):
        for fault in ({"kind": "reset_after_read"}, {"kind": "status", "status": 500}):
            site.gateway.fault(path=path, **fault)
    references = ["quiet", *map(str, range(len(TROUBLE)))]
    for number, reference in enumerate(references):
        those = everyone[4 * number : 4 * number + 4]
        recipients = [{"phone": phone, "remise": "moins-douze"} for phone in those]
        site.dispatcher.submit(reference, TEXT, recipients)
    for reference in references:
        site.wait_finished(reference)
    # a batch that stays in doubt, and a gateway that refuses connections: the URL of a lookup has
    # the key in it
    site.gateway.fault("status", BULK, status=500, processed=False)
    site.dispatcher.submit("doubtful", TEXT, [{"phone": everyone[36], "remise": "moins-douze"}])
    site.wait(lambda: site.progress("doubtful").in_doubt, "it to be in doubt")
    site.gateway.stop()
    site.wait(lambda: "cannot be reached" in site.dispatcher.doubts()[0].why, "lookups to fail")


@contextmanager
def monitored(site: Installation) -> Iterator[list[str]]:
    """Collects every command that Redis gets, with its values."""
    heard: list[str] = []
    with (
        site.redis_client() as speaking,
        Redis.from_url(site.redis.url, socket_timeout=None) as client,
        client.monitor() as monitor,
        ThreadPoolExecutor() as thread,
    ):
        commands = (str(each["command"]) for each in monitor.listen())
        listening = thread.submit(lambda: heard.extend(iter(commands.__next__, f"ECHO {_END}")))
        try:
            yield heard
        finally:
            speaking.echo(_END)
            listening.result()


#: ends the monitoring
_END = "that-is-all"


def dump(site: Installation) -> str:
    """Every key of Redis with its value."""
    reading: dict[bytes, Callable[[Redis, bytes], object]] = {
        b"list": lambda client, key: client.lrange(key, 0, -1),
        b"set": lambda client, key: client.smembers(key),
        b"hash": lambda client, key: client.hgetall(key),
        b"zset": lambda client, key: client.zrange(key, 0, -1, withscores=True),
        b"string": lambda client, key: client.get(key),
    }
    with site.redis_client() as client:
        keys: list[bytes] = list(client.scan_iter())
        kinds: dict[bytes, Any] = {key: client.type(key) for key in keys}
        held = {key: reading[kind](client, key) for key, kind in kinds.items()}
    return "\n".join(f"{key!r} {value!r}" for key, value in held.items())


def columns(site: Installation) -> str:
    """The texts that rows of batches, attempts and actions hold."""
    with site.dispatcher.database.read() as session:
        batches = session.execute(select(Batch.why, Batch.rule, Batch.codes)).all()
        attempts = session.execute(select(Attempt.worker, Attempt.outcome, Attempt.detail)).all()
        actions = session.execute(select(Action.actor, Action.verb, Action.reason)).all()
    return repr([*batches, *attempts, *actions])


def decoded(words: str) -> str:
    """The texts that ``words`` hold as base64, in which Celery encodes the body of a message."""
    found = []
    for run in re.findall(r"[A-Za-z0-9+/]{16,}={0,2}", words):
        whole = run + "=" * (-len(run) % 4)
        try:
            found.append(base64.b64decode(whole).decode())
        except ValueError:
            continue  # no base64, or no text in it
    return "\n".join(found)

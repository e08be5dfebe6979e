"""After an erasure, and after retention, no byte tells of the person: with real processes.

The dump and the files of the database, all that Redis holds, and all that a process wrote.
"""

from __future__ import annotations

import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url

from dispatcher.recipients.pseudonyms import Pseudonyms
from tests.acceptance.installation import INSISTENT, Installation
from tests.acceptance.test_webhooks import SECRET
from tests.databases import connected
from tests.ports import free_port
from tests.postgres_server import postgres_programs
from tests.waiting import PATIENCE

KEY = "a key of the tests, which hides nobody"
NEW_KEY = "a newer key of the tests, before it"
ANNE, BRUNO = "+33639987117", "+33639987118"
NAME = "Zéphirine"
GREETING = "Bonjour {{ prenom }}, soldes demain"
_PSEUDONYMS = Pseudonyms(KEY)
#: as bytes of a file; whatever text may be read is searched by the parser itself
SPELLINGS = (
    "+33639987117",
    "0639987117",
    "06 39 98 71 17",
    "06.39.98.71.17",
    "0033639987117",
    "639987117",
    "06-39-98-71-17",
    "0 639 987 117",
    "\uff10\uff16\uff13\uff19\uff19\uff18\uff17\uff11\uff11\uff17",
)


@pytest.fixture
def site(tmp_path: Path, database_url: str) -> Iterator[Installation]:
    """Workers and webhooks run; the address of events does not answer."""
    port = free_port()
    with Installation(
        tmp_path,
        database_url,
        pseudonym_key=KEY,
        doubt_limit=100,
        webhook_url=f"http://127.0.0.1:{port}",
        webhook_secret=SECRET,
        callback_url=f"http://127.0.0.1:{free_port()}/events",
        callback_secret="3c9WzF7_hH5x-Qd1Lr8b",
        switches=INSISTENT,
    ) as site:
        serving = site.start("webhooks", "dispatcher.cli", "webhooks", "--port", str(port))
        site.wait(lambda: serving.says("listening on"), "the webhooks to be served")
        site.worker()
        site.ticks()
        yield site


def fill(site: Installation, *, opt_out: bool = True) -> list[str]:
    """Anne is wherever a person can be; returns what the commands wrote."""
    both = [
        {"phone": ANNE, "prenom": NAME, "last_contact": "2026-05-03"},
        {"phone": BRUNO, "prenom": "Bruno, mari du 06 39 98 71 17"},
    ]
    dispatcher = site.dispatcher
    base = f"{site.settings.webhook_url}/{SECRET}"
    dispatcher.submit("relance 06 39 98 71 17", GREETING, both)
    site.wait_finished("relance 06 39 98 71 17")
    site.gateway.fault("close_after_read", processed=False)
    dispatcher.submit("en doute", f"{GREETING} 2", both)
    site.wait(lambda: dispatcher.doubts(), "the doubt")
    later = dispatcher.clock() + timedelta(days=2)
    for reference in ("pause", "annulée", "à venir"):
        dispatcher.submit(reference, f"{GREETING} {reference}", both, not_before=later)
    clients = site.directory / "clients.csv"
    clients.write_text(f"mobile\n{ANNE}\n{BRUNO}\n")
    commands = [
        ("pause", "pause", "--reason", "le 0639987117 s'est plainte"),
        ("cancel", "annulée", "--yes"),
        ("opt-outs", "add", ANNE, "--reason", "appel du 06 39 98 71 17"),
        ("opt-outs", "remove", ANNE, "--reason", "signé à nouveau, 0639987117"),
        ("opt-outs", "add", "06-39-98-71-17", "--reason", "rappel"),
        ("check-numbers", str(clients), "--hlr", "--max-cost", "0.10"),
    ]
    written = [_run(site, *it) for it in commands if opt_out or it[0] != "opt-outs"]
    clients.unlink()
    site.gateway.reply(ANNE, f"Bonjour, ici {NAME}, 0639987117", url=f"{base}/reply")
    site.wait(lambda: list(dispatcher.replies()), "the reply")
    with suppress(urllib.error.HTTPError):
        urllib.request.urlopen(f"{base}/reply", b"numero=+33639987117", timeout=PATIENCE).close()
    site.wait(lambda: _count(site, "unread_call"), "the call that cannot be read")
    site.wait(lambda: _count(site, "event WHERE check_at IS NOT NULL"), "events that wait")
    return written


def _run(site: Installation, *command: str) -> str:
    finished = site.command(*command)
    assert finished.returncode == 0, (command, finished.stdout, finished.stderr)
    return finished.stdout + finished.stderr


def _count(site: Installation, table: str) -> int:
    from sqlalchemy import text

    with site.dispatcher.database.read() as session:
        return session.scalar(text(f"SELECT count(*) FROM dispatcher_{table}")) or 0


def sums(site: Installation) -> dict[int, Any]:
    """What evidence, progress and bills say, campaign by campaign."""
    return {
        progress.id: (progress.messages, progress.cost, progress.rows)
        for progress in site.dispatcher.campaigns()
    }


# -- where bytes are


def _address(site: Installation) -> str:
    return str(site.environment["DISPATCHER_DATABASE_URL"])


def dumped(site: Installation) -> bytes:
    """The database as its own tool writes it: pg_dump, or all SQL of the file."""
    url = make_url(_address(site))
    if url.drivername == "sqlite":
        import sqlite3

        connection = sqlite3.connect(str(url.database))
        try:
            return "\n".join(connection.iterdump()).encode()
        finally:
            connection.close()
    program = next(
        (it for it in (postgres_programs() / "pg_dump", *_OF_DEBIAN) if it.exists()), None
    )
    if program is None:
        pytest.skip("there is no pg_dump: install PostgreSQL's client")
    plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
    finished = subprocess.run([program, plain], capture_output=True, check=False)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


_OF_DEBIAN = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_dump"), reverse=True)


def files(site: Installation) -> dict[str, bytes]:
    """The files of the database: of PostgreSQL once old rows are vacuumed, as a DPO may do."""
    url = make_url(_address(site))
    if url.drivername == "sqlite":
        path = Path(str(url.database))
        return {it.name: it.read_bytes() for it in path.parent.glob(f"{path.name}*")}
    with connected(_address(site)) as connection:
        for statement in ("VACUUM (FULL, ANALYZE)", "VACUUM FULL pg_statistic", "CHECKPOINT"):
            connection.execute(statement)
        rows = connection.execute(
            "SELECT name, pg_read_binary_file(folder || '/' || name) FROM"
            " (SELECT 'base/' || oid FROM pg_database WHERE datname = current_database())"
            " AS database (folder), pg_ls_dir(folder) AS name"
        )
        return {name: bytes(content) for name, content in rows}


_READ: dict[str, Callable[[Any, Any], object]] = {
    "string": lambda client, key: client.get(key),
    "list": lambda client, key: client.lrange(key, 0, -1),
    "set": lambda client, key: client.smembers(key),
    "hash": lambda client, key: client.hgetall(key),
    "zset": lambda client, key: client.zrange(key, 0, -1),
}


_SOUGHT = "a text that the file of Redis is searched for"


def _kind(client: Any, key: Any) -> str:
    return str(client.type(key).decode())


def in_redis(site: Installation) -> dict[str, bytes]:
    """Every key and value of Redis, and the file (RDB) that it saves, which is not compressed."""
    found: dict[str, bytes] = {}
    with site.redis_client() as client:
        client.config_set("rdbcompression", "no")
        client.set("search", _SOUGHT)
        client.save()
        folder, name = (str(client.config_get(it)[it]) for it in ("dir", "dbfilename"))
        client.delete("search")
        for key in client.scan_iter():
            found[repr(key)] = repr((key, _READ[_kind(client, key)](client, key))).encode()
    file = Path(folder, name)
    found[name] = file.read_bytes()
    file.unlink()
    assert _SOUGHT.encode() in found[name]  # a text that is stored is found
    return found


def logs(site: Installation) -> dict[str, bytes]:
    """What every process wrote."""
    return {child.log.name: child.log.read_bytes() for child in site.children}


def traces(contents: dict[str, bytes], *, text: bool = False) -> list[str]:
    """Where Anne is, in any spelling."""
    found = []
    for name, content in contents.items():
        words = (*SPELLINGS, NAME, NAME.encode("unicode_escape").decode())
        found += [f"{word} in {name}" for word in words if word.encode() in content]
        if text:
            lines = content.decode(errors="replace")
            if _PSEUDONYMS.written(lines, {_PSEUDONYMS.newest_of(ANNE)}) != lines:
                found.append(f"a spelling in {name}")
    return found


# -- the proofs


def test_erased_person_is_in_no_byte(site: Installation) -> None:
    written = fill(site)
    before = sums(site)
    assert traces({"dump": dumped(site)}, text=True)
    assert len(traces(files(site))) > 3

    written.append(
        _run(site, "person", "erase", "06.39.98.71.17", "--reason", "lettre du 0639987117", "--yes")
    )
    # a doubt, and two batches that Bruno is still to get, in whose fields she is named
    assert "but for 3 batches" in written[-1]
    [doubt] = site.dispatcher.doubts()
    written.append(
        _run(site, "give-up", str(doubt.batch_id), "--reason", "vu avec le 0639987117", "--yes")
    )
    after = sums(site)
    for reference in ("pause", "à venir"):
        written.append(_run(site, "cancel", reference, "--yes"))
    written.append(_run(site, "person", "erase", ANNE, "--reason", "à nouveau", "--yes"))
    for command in (("progress",), ("opt-outs", "list"), ("replies",), ("record",), ("doctor",)):
        finished = site.command(*command)
        written.append(finished.stdout + finished.stderr)

    assert traces({"dump": dumped(site)}, text=True) == []
    assert traces(files(site)) == []
    assert traces(in_redis(site)) == []
    assert traces(logs(site), text=True) == []
    assert traces({"the commands": "\n".join(written).encode()}, text=True) == []
    changed = {number for number in before if before[number] != after[number]}
    references = {progress.id: progress.reference for progress in site.dispatcher.campaigns()}
    assert {references[number] for number in changed} == {"en doute", "pause", "à venir"}
    for number in changed:
        assert sum(before[number][0].values()) == sum(after[number][0].values()) == 2
    assert [site.gateway.texted()[phone] for phone in (ANNE, BRUNO)] == [1, 1]


def test_person_is_in_no_byte_after_the_key_was_replaced(site: Installation) -> None:
    written = fill(site)
    written.append(_run(site, "person", "erase", ANNE, "--reason", "lettre", "--yes"))
    assert "but for 3 batches" in written[-1]
    for child in site.children:
        child.stop()
    site.change(pseudonym_key=f"{NEW_KEY}\n{KEY}")
    site.worker("anew")
    # what is left of the erasure is done under the older key, the next erasure under the newer
    [doubt] = site.dispatcher.doubts()
    _run(site, "give-up", str(doubt.batch_id), "--reason", "rien", "--yes")
    for reference in ("pause", "à venir"):
        _run(site, "cancel", reference, "--yes")
    for phone in (BRUNO, ANNE):
        written.append(_run(site, "person", "erase", phone, "--reason", "lettre", "--yes"))
        assert "but for" not in written[-1]
    both = [{"phone": phone, "prenom": "encore"} for phone in (ANNE, BRUNO)]
    site.dispatcher.submit("après", GREETING, both)
    site.wait_finished("après")
    written.append(_run(site, "doctor", "--only", "people"))
    assert "the 2 keys of the pseudonyms are right" in written[-1]

    assert traces({"dump": dumped(site)}, text=True) == []
    assert traces(files(site)) == []
    assert traces(in_redis(site)) == []
    assert traces(logs(site), text=True) == []
    assert traces({"the commands": "\n".join(written).encode()}, text=True) == []
    assert [site.gateway.texted()[phone] for phone in (ANNE, BRUNO)] == [1, 1]


def test_person_is_in_no_byte_after_retention(site: Installation) -> None:
    written = fill(site, opt_out=False)
    [doubt] = site.dispatcher.doubts()
    _run(site, "give-up", str(doubt.batch_id), "--reason", "rien", "--yes")
    for reference in ("pause", "à venir"):
        _run(site, "cancel", reference, "--yes")
    before = sums(site)
    for child in site.children:
        child.stop()
    site.change(clock_offset=site.settings.clock_offset + 400 * 86_400)
    written.append(_run(site, "tick", "--inline"))
    assert sums(site) == before
    assert traces({"dump": dumped(site)}, text=True) == []
    assert traces(files(site)) == []
    assert traces(in_redis(site)) == []
    assert traces(logs(site), text=True) == []
    assert traces({"the commands": "\n".join(written).encode()}, text=True) == []

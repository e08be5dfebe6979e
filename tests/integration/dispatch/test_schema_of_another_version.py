"""A worker that runs while another version migrates its database does nothing more."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import text

from dispatcher.storage import schema
from tests.integration.bench import Bench


@pytest.fixture
def migrated(bench: Bench) -> Iterator[Bench]:
    """A bench whose ``on_connect`` has the tables migrated by a later version."""
    ours = schema.revisions()[-1]

    def put(name: str) -> None:
        with bench.dispatcher.database.write() as session:
            session.execute(
                text(f"UPDATE {schema.VERSION_TABLE} SET version_num = :n"), {"n": name}
            )

    bench.gateway.on_connect = lambda: put("9999")
    yield bench
    put(ours)


def test_worker_of_an_old_version_claims_nothing_after_a_migration(
    migrated: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    batch = migrated.submit()
    migrated.send(batch)  # gathered before the migration, and claimed after it
    assert (migrated.gateway.ledger, migrated.batch(batch).attempt) == ([], 0)
    ours = schema.revisions()[-1]
    says = f"the database's schema is 9999, this worker's {ours}: restart it"
    assert says in caplog.text
    assert list(migrated.tick().send) == []
    assert migrated.dispatcher.last_tick() is None

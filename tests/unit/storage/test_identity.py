"""Whether a PostgreSQL database is the one that workers knew."""

from __future__ import annotations

from typing import Any

import pytest

from dispatcher.storage.identity import is_same_server

KNOWN: dict[str, Any] = {
    "oid": "16384",
    "transaction": "756",
    "system": "7713350673716049732",
    "timeline": "00000001",
    "synchronous": False,
}


def test_same_facts_are_the_same_database() -> None:
    assert is_same_server(KNOWN, KNOWN)


@pytest.mark.parametrize("fact", ["oid", "transaction", "system", "timeline"])
def test_another_fact_is_another_database(fact: str) -> None:
    assert not is_same_server(KNOWN, KNOWN | {fact: "2"})


@pytest.mark.parametrize("fact", ["system", "timeline"])
@pytest.mark.parametrize("side", ["before", "now"])
def test_denied_fact_is_not_compared(fact: str, side: str) -> None:
    denied = KNOWN | {fact: None}
    pair = (denied, KNOWN) if side == "before" else (KNOWN, denied)
    assert is_same_server(*pair)


def test_new_timeline_after_synchronous_replication_is_a_failover() -> None:
    before = KNOWN | {"synchronous": True}
    after = KNOWN | {"timeline": "00000002", "synchronous": False}
    assert is_same_server(before, after)
    assert not is_same_server(KNOWN, after)

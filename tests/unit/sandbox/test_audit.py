from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from dispatcher.sandbox.audit import Audit, audit
from dispatcher.sandbox.gateway.ledger import Ledger

TEXTED = ["delivered", "undelivered", "sent", "unreported"]
NOT_TEXTED = ["pending", "in_doubt", "rejected", "opted_out", "withdrawn", "left_out"]
NOT_TEXTED += ["expired", "cancelled"]


def phone(number: int) -> str:
    return f"+336399800{number:02d}"


def audited(
    directory: Path, states: list[str], texts: list[tuple[str, int]], *, cancelled: bool = False
) -> Audit:
    """People 0, 1, … in these states, and (tag, person) for each text in the ledger."""
    database = directory / "demo.db"
    with closing(sqlite3.connect(database)) as connection:
        connection.executescript(
            """
            CREATE TABLE dispatcher_campaign (id, reference);
            CREATE TABLE dispatcher_batch (id, campaign_id);
            CREATE TABLE dispatcher_attempt (batch_id, tag);
            CREATE TABLE dispatcher_message (campaign_id, phone, state);
            INSERT INTO dispatcher_campaign VALUES (1, 'one'), (2, 'two');
            INSERT INTO dispatcher_batch VALUES (1, 1), (2, 2);
            INSERT INTO dispatcher_attempt VALUES (1, 'first'), (1, 'again'), (2, 'other');
            """
        )
        connection.executemany(
            "INSERT INTO dispatcher_message VALUES (1, ?, ?)",
            [(phone(number), state) for number, state in enumerate(states)],
        )
        connection.commit()
    ledger = Ledger(directory / "ledger.jsonl")
    for number, (tag, person) in enumerate(texts, start=1):
        ledger.accepted(
            [(phone(person), "Bonjour", 1)],
            request=number, at=0.0, path="/v1/bulk-send", sender="", tag=tag, message_id=number,
        )  # fmt: skip
    if cancelled:
        ledger.cancelled(1, at=0.0)
    ledger.close()
    return audit(database, directory / "ledger.jsonl")


@pytest.mark.parametrize("state", TEXTED)
def test_one_text_agrees_with_sent_state(tmp_path: Path, state: str) -> None:
    found = audited(tmp_path, [state], [("first", 0)])
    assert found.agrees
    assert found.database == found.ledger == {("one", state): 1}


@pytest.mark.parametrize("state", TEXTED)
def test_sent_state_without_text_is_missing(tmp_path: Path, state: str) -> None:
    found = audited(tmp_path, [state], [])
    assert (found.missing, found.agrees) == (1, False)


@pytest.mark.parametrize("state", NOT_TEXTED)
def test_text_in_unsent_state_is_unexpected(tmp_path: Path, state: str) -> None:
    found = audited(tmp_path, [state, state], [("first", 1)])
    assert (found.unexpected, found.agrees) == (1, False)
    assert found.database == {("one", state): 2}
    assert found.ledger == {("one", state): 1}


@pytest.mark.parametrize("state", NOT_TEXTED)
def test_no_text_agrees_with_unsent_state(tmp_path: Path, state: str) -> None:
    assert audited(tmp_path, [state], []).agrees


def test_two_texts_of_any_attempts_count_as_twice(tmp_path: Path) -> None:
    found = audited(tmp_path, ["delivered"], [("first", 0), ("again", 0)])
    assert (found.twice, found.agrees) == (1, False)
    assert found.ledger == {("one", "delivered"): 2}


@pytest.mark.parametrize("tag", ["nobody's", "other"])
def test_text_outside_every_campaign_is_a_stranger(tmp_path: Path, tag: str) -> None:
    found = audited(tmp_path, ["pending"], [(tag, 0)])
    assert (found.strangers, found.agrees) == (1, False)


def test_cancelled_text_does_not_count(tmp_path: Path) -> None:
    assert audited(tmp_path, ["cancelled"], [("first", 0)], cancelled=True).agrees

"""Every kind of tampering with the record of actions is found, on both databases."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, select, text, update
from sqlalchemy.orm import Session

from dispatcher.campaigns.record_chain import Entry, Seal, chained
from dispatcher.storage import meta, seals
from dispatcher.storage.database import Database
from dispatcher.storage.tables import ACTION, SEAL
from tests.integration.conftest import empty

AT = datetime(2027, 3, 1, 9, tzinfo=UTC)
COUNT = 8
FIELDS = ("at", "actor", "origin", "verb", "reason", "batch_id")
#: what each kind of tampering is given: two places in the record, a column and a word
Tampering = Callable[[Session, int, int, str, str], object]


def entries(session: Session) -> list[Entry]:
    columns = [ACTION.c[name] for name in Entry.__dataclass_fields__]
    return [Entry(*row) for row in session.execute(select(*columns).order_by(ACTION.c.id))]


def changed(entry: Entry, field: str, word: str) -> dict[str, Any]:
    """Another value of one column."""
    if field == "at":
        return {"at": entry.at + timedelta(microseconds=1 + len(word))}
    if field == "batch_id":
        return {"batch_id": (entry.batch_id or 0) + 1 + len(word)}
    return {field: getattr(entry, field) + (word or "x")}


def write(session: Session, entry: Entry, values: dict[str, Any]) -> None:
    session.execute(update(ACTION).where(ACTION.c.id == entry.id).values(values))


def alter(session: Session, one: int, _: int, field: str, word: str) -> None:
    entry = entries(session)[one]
    write(session, entry, changed(entry, field, word))


def remove(session: Session, one: int, *_: Any) -> None:
    session.execute(delete(ACTION).where(ACTION.c.id == one + 1))


def remove_both(session: Session, one: int, *_: Any) -> None:
    remove(session, one)
    session.execute(delete(SEAL).where(SEAL.c.action_id == one + 1))


def swap(session: Session, one: int, other: int, *_: Any) -> None:
    """Two entries change places."""
    mine, theirs = entries(session)[one], entries(session)[other]
    for target, source in ((mine, theirs), (theirs, mine)):
        values = {name: getattr(source, name) for name in (*FIELDS, "campaign_id")}
        write(session, target, values)


def swap_seals(session: Session, one: int, other: int, *_: Any) -> None:
    """Two seals change places."""
    rows = session.execute(select(SEAL.c.number, SEAL.c.hash))
    hashes = {row.number: row.hash for row in rows}
    for target, source in ((one, other), (other, one)):
        its = update(SEAL).where(SEAL.c.number == target + 1)
        session.execute(its.values(hash=hashes[source + 1]))


def put_in(session: Session, one: int, _: int, __: str, word: str) -> None:
    """A new entry takes a place in the chain: the seals behind it move on by one."""
    forged = {"id": 100, "at": AT, "actor": "paul", "verb": "pause", "reason": word, "origin": ""}
    session.execute(insert(ACTION), [forged])
    rows = session.execute(select(SEAL).order_by(SEAL.c.number.desc())).all()
    for row in rows[: COUNT - one]:
        moved = update(SEAL).where(SEAL.c.number == row.number)
        session.execute(moved.values(number=row.number + 1))
    seal = {"number": one + 1, "action_id": 100, "hash": "f" * 64}
    session.execute(insert(SEAL), [seal])


def cut_off(session: Session, one: int, *_: Any) -> None:
    """The end is missing, and the last seal is still written down in the same database."""
    session.execute(delete(ACTION).where(ACTION.c.id > one))
    session.execute(delete(SEAL).where(SEAL.c.action_id > one))


def cut_off_with_head(session: Session, one: int, *_: Any) -> None:
    cut_off(session, one)
    put_head(session)


def seal_anew(session: Session, one: int, _: int, field: str, word: str) -> None:
    """An entry is altered, and all seals are made anew."""
    alter(session, one, 0, field, word)
    session.execute(delete(SEAL))
    made = list(chained(entries(session), None))
    rows = [{"number": s.number, "action_id": s.entry_id, "hash": s.value} for s in made]
    session.execute(insert(SEAL), rows)
    put_head(session)


def put_head(session: Session) -> None:
    row = session.execute(select(SEAL).order_by(SEAL.c.number.desc()).limit(1)).one_or_none()
    head = str(Seal(row.number, row.action_id, row.hash)) if row else ""
    meta.put(session, "record_head", head)


#: found by the record alone
FOUND: Sequence[Tampering] = (alter, remove, remove_both, swap, swap_seals, put_in, cut_off)
#: found by a seal that was written down elsewhere
WITH_A_SEAL: Sequence[Tampering] = (*FOUND, cut_off_with_head, seal_anew)

PLACES = st.integers(0, COUNT - 1)
WORDS = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=5)
AS_OFTEN = settings(
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture
def sealed(tables: Database) -> Database:
    """A database with a record whose entries are all sealed."""
    empty(tables)
    rows = [
        {
            "id": n + 1,
            "at": AT + timedelta(minutes=n),
            "actor": f"marie {n}",
            "origin": "the shell on web-1",
            "verb": "pause",
            "reason": f"reason {n}",
        }
        for n in range(COUNT)
    ]
    with tables.write() as session:
        session.execute(insert(ACTION), rows)
        seals.add(session)
    return tables


def problems(
    database: Database, tamper: Callable[[Session], object], known: Seal | None = None
) -> list[str]:
    """What is wrong after a tampering, which is rolled back."""
    with database.engine.connect() as connection, Session(connection) as session:
        if not database.is_sqlite:
            session.execute(text("SET LOCAL session_replication_role = replica"))
        tamper(session)
        found = list(seals.broken(session, known))
        session.rollback()
    return found


def head(database: Database) -> Seal:
    with database.read() as session:
        found = seals.head(session)
    assert found is not None
    return found


@AS_OFTEN
@given(st.sampled_from(FOUND), PLACES, PLACES, st.sampled_from(FIELDS), WORDS)
def test_tampering_is_found_in_the_record_itself(
    sealed: Database, tamper: Tampering, one: int, other: int, field: str, word: str
) -> None:
    other = (one + 1) % COUNT if other == one else other
    assert problems(sealed, lambda session: tamper(session, one, other, field, word))


@AS_OFTEN
@given(st.sampled_from(WITH_A_SEAL), PLACES, PLACES, st.sampled_from(FIELDS), WORDS)
def test_tampering_is_found_with_a_seal_written_elsewhere(
    sealed: Database, tamper: Tampering, one: int, other: int, field: str, word: str
) -> None:
    other = (one + 1) % COUNT if other == one else other
    known = head(sealed)
    assert problems(sealed, lambda session: tamper(session, one, other, field, word), known)


def test_untouched_record_has_no_problem(sealed: Database) -> None:
    assert problems(sealed, lambda _: None) == []
    assert problems(sealed, lambda _: None, head(sealed)) == []


def test_record_that_is_cut_off_or_sealed_anew_is_found_only_with_a_seal(sealed: Database) -> None:
    for tamper in (cut_off_with_head, seal_anew):
        assert problems(sealed, lambda session, t=tamper: t(session, 3, 0, "actor", "x")) == []  # type: ignore[misc]


def test_entry_that_is_put_in_without_a_seal_counts_as_sealed_late(sealed: Database) -> None:
    forged = {"id": 50, "at": AT, "actor": "paul", "verb": "pause", "reason": "", "origin": ""}
    with sealed.write() as session:
        session.execute(insert(ACTION), [forged])
        assert seals.add_rest(session) == [50]
        assert list(seals.broken(session)) == []


def test_entries_are_sealed_in_bounded_steps(
    sealed: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seals, "STRIDE", 3)
    row = {"at": AT, "actor": "anne", "verb": "export", "reason": "", "origin": ""}
    with sealed.write() as session:
        session.execute(insert(ACTION), [row | {"id": n} for n in range(100, 108)])
    steps, after = list[list[int]](), 0
    while not steps or len(steps[-1]) == 3:
        with sealed.write() as session:
            steps.append(seals.add_rest(session, after))
        after = steps[-1][-1]
    assert steps == [[100, 101, 102], [103, 104, 105], [106, 107]]
    assert problems(sealed, lambda _: None) == []

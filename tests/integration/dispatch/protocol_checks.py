"""What must hold after every step of the protocol machine, by the rows and the gateway's ledger."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select, text

from dispatcher.campaigns import message_states
from dispatcher.campaigns.evidence import UNPROVEN
from dispatcher.campaigns.states import BATCH_MOVES, CAMPAIGN_MOVES, MESSAGE_MOVES, MessageState
from dispatcher.storage import message_trigger
from dispatcher.storage.batches.attempts import evidence_of
from dispatcher.storage.database import Database
from dispatcher.storage.tables import BATCH, CAMPAIGN, Attempt, Batch, Recipient
from tests.integration.bench import Bench
from tests.integration.dispatch.protocol_gateway import ScriptedGateway

#: outcomes by which an attempt is certain to have texted nobody
NOBODY = {"not_sent", "refused", "blocked", "closed"}
#: letters of messages that the gateway was proven to have taken, and that a person gave up
TAKEN, GIVEN_UP = "sdu", "n"


@dataclass
class Rows:
    """The rows as they are after a step."""

    batches: Mapping[int, Batch]
    attempts: Sequence[Attempt]
    #: (table, state before, state after)
    moves: set[tuple[Any, ...]]
    #: batch -> positions of which the product knows that an attempt texted them, and that two did
    known: Mapping[int, set[int]]
    known_twice: Mapping[int, set[int]]

    @property
    def written(self) -> list[Any]:
        """All that the rows say."""
        rows = [*self.batches.values(), *self.attempts]
        return [{k: v for k, v in vars(row).items() if k[0] != "_"} for row in rows]

    @classmethod
    def read(cls, database: Database) -> Rows:
        with database.read() as session:
            batches = {batch.id: batch for batch in session.scalars(select(Batch))}
            query = select(Attempt).order_by(Attempt.batch_id, Attempt.number)
            attempts = session.scalars(query).all()
            moves = {tuple(row) for row in session.execute(text("SELECT * FROM moved"))}
            known, twice = {}, {}
            for batch in batches.values():
                found = evidence_of(session, batch.id, batch.size) if batch.attempt else []
                times = Counter(spot for one in found for spot in one.shown)
                known[batch.id] = set(times)
                twice[batch.id] = {spot for spot, count in times.items() if count > 1}
        return cls(batches, attempts, moves, known, twice)


@dataclass
class Checks:
    """The checks, and what they remember from one step to the next."""

    bench: Bench
    gateway: ScriptedGateway
    #: batch -> how often a person had it sent again
    resent: Counter[int]
    letters: dict[int, str] = field(default_factory=dict)
    #: batch and position of each message that has ever counted as texted
    texted: set[tuple[int, int]] = field(default_factory=set)
    #: what was written when it was last checked
    checked: list[Any] = field(default_factory=list)
    #: phone -> (batch, position)
    places: dict[str, tuple[int, int]] = field(default_factory=dict)

    def everything(self) -> None:
        rows = Rows.read(self.bench.dispatcher.database)
        if rows.written == self.checked:
            return  # nothing has happened
        self.checked = rows.written
        self._learn_places(rows)
        self._nobody_twice(rows)
        self._ledger_is_known(rows)
        self._proof_counts(rows)
        self._moves_are_legal(rows)
        self._attempts_are_in_order(rows)
        self.bench.check()

    def _learn_places(self, rows: Rows) -> None:
        if len(self.places) == sum(batch.size for batch in rows.batches.values()):
            return
        with self.bench.dispatcher.database.read() as session:
            self.places = {
                one.phone: (one.batch_id, one.position)
                for one in session.scalars(select(Recipient))
            }

    def _nobody_twice(self, rows: Rows) -> None:
        """Only who was believed to have got nothing gets it again, and the record says so."""
        excused = Counter(self.resent)
        for attempt in rows.attempts:
            excused[attempt.batch_id] += self.gateway.lies[attempt.tag]
        for phone, times in self.gateway.texted.items():
            batch_id, _ = self.places[phone]
            assert times <= 1 + excused[batch_id], "somebody was texted twice"
        on_record = {incident.batch_id for incident in self.bench.dispatcher.incidents()}
        looked_for = {one.batch_id for one in rows.attempts if one.check_at is not None}
        for batch_id, positions in rows.known_twice.items():
            under_way = rows.batches[batch_id].state == "sending"
            assert not positions or batch_id in on_record | looked_for or under_way, (
                "somebody is known to have been texted twice, and nobody was told"
            )

    def _ledger_is_known(self, rows: Rows) -> None:
        for phone, (batch_id, position) in self.places.items():
            batch = rows.batches[batch_id]
            letter = batch.states[position]
            assert letter not in TAKEN or phone in self.gateway.texted, (
                f"{letter} in a {batch.state} batch, and not in the ledger"
            )
        tags = {attempt.tag: attempt for attempt in rows.attempts}
        for tag, phone, _ in self.gateway.ledger:
            batch_id, position = self.places[phone]
            batch = rows.batches[batch_id]
            _judge_entry(tags[tag], batch, batch.states[position])

    def _proof_counts(self, rows: Rows) -> None:
        """Whoever an attempt is known to have texted counts as texted, or did, or is to go."""
        for batch in rows.batches.values():
            self.texted |= {(batch.id, p) for p, at in enumerate(batch.states) if at in TAKEN}
            for position in rows.known[batch.id]:
                letter = batch.states[position]
                assert letter == "p" or (batch.id, position) in self.texted, (
                    f"somebody is known to have been texted, and is {letter}: {batch.state}"
                )

    def _moves_are_legal(self, rows: Rows) -> None:
        tables: dict[str, Any] = {BATCH.name: BATCH_MOVES, CAMPAIGN.name: CAMPAIGN_MOVES}
        for table, was, becomes in rows.moves:
            assert becomes in tables[table][was], f"a {was} {table} became {becomes}"
        for batch in rows.batches.values():
            before = self.letters.get(batch.id, batch.states)
            for was, becomes in zip(before, batch.states, strict=True):
                assert becomes in REACHABLE[was], f"message {was} became {becomes}"
            self.letters[batch.id] = batch.states
            counts = {state: getattr(batch, state.value) for state in MessageState}
            assert counts == message_states.tally(batch.states)

    def _attempts_are_in_order(self, rows: Rows) -> None:
        for batch in rows.batches.values():
            of_batch = [one for one in rows.attempts if one.batch_id == batch.id]
            assert [one.number for one in of_batch] == list(range(1, batch.attempt + 1))
            assert all(one.outcome for one in of_batch[:-1])
            assert batch.state != "pending" or all(one.outcome for one in of_batch)

    # -- the end

    def rows_equal_the_ledger(self, tags: set[str]) -> None:
        """The gateway has shown and ended all that it took under ``tags``."""
        of_batch = {attempt.tag: attempt.batch_id for attempt in self.bench.attempts()}
        taken = Counter((of_batch[tag], p) for tag, p, _ in self.gateway.ledger if tag in tags)
        on_record = {incident.batch_id for incident in self.bench.dispatcher.incidents()}
        told = {batch_id for (batch_id, _), count in taken.items() if count > 1}
        assert told <= on_record, "somebody was texted twice, and nobody was told"
        people = {phone for _, phone in taken}
        for _, batch_id, phone, state in self.bench.view():
            assert state not in {"pending", "in_doubt"}, f"somebody is {state} for ever"
            if phone in people:
                assert state in {"delivered", "undelivered"}, (
                    f"somebody of batch {batch_id} was texted, and is {state}"
                )

    def no_doubt_is_left(self, *, but_for: set[str] = frozenset()) -> None:  # type: ignore[assignment]
        """No doubt is open, but in the campaigns ``but_for``."""
        left = [one for one in self.bench.dispatcher.doubts() if one.reference not in but_for]
        assert not left, f"a doubt has no way out: {left[0].why}"


def _judge_entry(attempt: Attempt, batch: Batch, letter: str) -> None:
    """Whoever is in the ledger is known to be, or may be, or is still looked for."""
    assert attempt.outcome not in NOBODY, f"a {attempt.outcome} attempt is in the ledger"
    if letter in TAKEN + GIVEN_UP or batch.state in {"sending", "in_doubt"}:
        return
    looked_for = attempt.outcome in UNPROVEN or attempt.check_at is not None
    if batch.state == "pending":
        assert looked_for, f"a pending batch was taken: {attempt.outcome}"
    else:
        assert looked_for or attempt.outcome == "sent", (
            f"{letter} in a {batch.state} batch was taken: {attempt.outcome}"
        )


def _reachable() -> dict[str, str]:
    """The letters that a message's letter may become, in any number of moves."""
    found = {}
    for state in MessageState:
        seen, new = {state}, {state}
        while new:
            new = {target for one in new for target in MESSAGE_MOVES[one]} - seen
            seen |= new
        found[state.letter] = "".join(one.letter for one in seen)
    return found


REACHABLE = _reachable()

_SQLITE = """
CREATE TRIGGER watch_{table} AFTER UPDATE OF state ON {table} WHEN OLD.state <> NEW.state
BEGIN INSERT INTO moved VALUES ('{table}', OLD.state, NEW.state); END
"""
_FUNCTION = """
CREATE FUNCTION watch() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN INSERT INTO moved VALUES (TG_TABLE_NAME, OLD.state, NEW.state); RETURN NULL; END $$
"""
_POSTGRES = """
CREATE TRIGGER watch_{table} AFTER UPDATE OF state ON {table} FOR EACH ROW
WHEN (OLD.state <> NEW.state) EXECUTE FUNCTION watch()
"""


@contextmanager
def watched(database: Database) -> Iterator[None]:
    """The database itself writes down every move from one state to another."""
    sqlite = database.is_sqlite
    on = "" if sqlite else " ON {table}"
    with database.write() as session:
        session.execute(text("CREATE TABLE moved (what TEXT, was TEXT, becomes TEXT)"))
        if not sqlite:
            session.execute(text(_FUNCTION))
        for table in (BATCH.name, CAMPAIGN.name):
            session.execute(text((_SQLITE if sqlite else _POSTGRES).format(table=table)))
    try:
        yield
    finally:
        with database.write() as session:
            for table in (BATCH.name, CAMPAIGN.name):
                session.execute(text(f"DROP TRIGGER watch_{table}{on.format(table=table)}"))
            if not sqlite:
                session.execute(text("DROP FUNCTION watch()"))
            session.execute(text("DROP TABLE moved"))
            message_trigger.switch(session, on=False)

"""The sending protocol under drawn faults, judged by the gateway's ledger after every step."""

from __future__ import annotations

import os
import sys
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from unittest import mock
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import select, text

from dispatcher import GatewayError, IllegalMove, InvalidCampaign
from dispatcher.campaigns import message_states
from dispatcher.campaigns.evidence import UNPROVEN
from dispatcher.campaigns.states import BATCH_MOVES, CAMPAIGN_MOVES, MESSAGE_MOVES, MessageState
from dispatcher.gateway import BatchTaken, Declined, LineAnswer, Lost, SendReply, Throttled, Unsent
from dispatcher.storage.batches import claims, moves, set_aside
from dispatcher.storage.database import Database
from dispatcher.storage.tables import Attempt, Batch, Recipient
from tests.integration.bench import TEXT, opened, people
from tests.integration.conftest import empty

PARIS = ZoneInfo("Europe/Paris")
WHY = "not in their dashboard"
#: outcomes by which an attempt is certain to have texted nobody
NOBODY = {"not_sent", "refused", "blocked", "closed"}
#: letters of messages that the gateway was proven to have taken, and that a person gave up
TAKEN, GIVEN_UP = "sdu", "n"


class Crash(BaseException):
    """The process dies here."""


#: what the gateway does with one request, and what its answer says
ANSWERS = (
    "take",
    "lose",
    "swallow",
    "refuse",
    "no credit",
    "closed",
    "unsent",
    "throttle",
    "throttle and take",
    "answer a part",
    "take a part",
    "die before the bytes",
    "die after the bytes",
    "sleep, then take",
    "sleep, then lose",
    "sleep, then unsent",
)
#: what happens while a worker sleeps with its request under way
MEANWHILE = ("tick", "settle", "resend", "send", "pause", "cancel")
PERSONS = ("resend", "resend", "resume", "pause", "cancel", "give up", "opt out")
PASSES = (1, 16, 45, 100, 600, 3 * 3600, 12 * 3600)

answers = st.lists(st.sampled_from(ANSWERS), min_size=1, max_size=3)
meanwhile = st.lists(st.sampled_from(MEANWHILE), max_size=4)


def raise_again(*_: object) -> None:
    """Let an unforeseen error, such as a failed assertion of the gateway, end the test."""
    error = sys.exception()
    assert error is not None
    raise error


class Protocol(RuleBasedStateMachine):
    """One installation; each step is something that a person, a process or the world does."""

    def __init__(self, database: Database) -> None:
        super().__init__()
        empty(database)
        self.forget_moves(database)
        self.stack = ExitStack()
        self.stack.enter_context(mock.patch("dispatcher.campaigns.planner.LARGEST_BATCH", 3))
        self.stack.enter_context(mock.patch.object(set_aside, "note_error", raise_again))
        self.bench = self.stack.enter_context(opened(database, connections=2, doubt_limit=3))
        self.gateway = self.bench.gateway
        self.dispatcher = self.bench.dispatcher
        self.gateway.behave = self.answer
        self.script: deque[str] = deque()
        self.asleep: list[str] = []
        self.lag = False
        self.ends = False
        self.people = 0
        self.opted_out: set[str] = set()
        #: how often a person had each batch sent again
        self.resent: Counter[int] = Counter()
        self.letters: dict[int, str] = {}
        #: phone -> (batch, position)
        self.places: dict[str, tuple[int, int]] = {}

    def forget_moves(self, database: Database) -> None:
        with database.write() as session:
            session.execute(text("DELETE FROM moved"))

    def teardown(self) -> None:
        try:
            if self.ends:
                self.settle_everything()
        finally:
            self.stack.close()

    # -- the gateway

    def answer(self, tag: str, phones: list[str]) -> SendReply:
        self.judge_request(tag, phones)
        how = self.script.popleft() if self.script else "take"
        if self.lag and "throttle" not in how:
            self.gateway.hidden.add(tag)
        return self.replies(tag, phones)[how]()

    def replies(self, tag: str, phones: list[str]) -> dict[str, Callable[[], SendReply]]:
        gateway = self.gateway

        def after(act: Callable[[], object], reply: SendReply) -> SendReply:
            act()
            return reply

        def die() -> SendReply:
            raise Crash

        def accept() -> None:
            gateway.accept(tag, phones)

        def take_and_die() -> SendReply:
            accept()
            raise Crash

        def part(taken: list[str]) -> SendReply:
            message_id = gateway.accept(tag, taken)
            return BatchTaken(message_id, [LineAnswer(phones[0], True, 200, 1)])

        def sleep(reply: Callable[[], SendReply]) -> SendReply:
            answer = reply()
            self.bench.clock.forward(seconds=self.bench.settings.lease + 1)
            for act in self.asleep:
                self.do(act)
            return answer

        return {
            "take": lambda: gateway.take(tag, phones),
            "lose": lambda: gateway.lose(tag, phones),
            "swallow": lambda: gateway.swallow(tag, phones),
            "refuse": lambda: Declined(9),
            "no credit": lambda: Declined(11),
            "closed": lambda: Declined(22),
            "unsent": lambda: Unsent("connection refused"),
            "throttle": lambda: Throttled(3.0),
            "throttle and take": lambda: after(accept, Throttled(3.0)),
            "answer a part": lambda: part(phones),
            "take a part": lambda: part(phones[:1]),
            "die before the bytes": die,
            "die after the bytes": take_and_die,
            "sleep, then take": lambda: sleep(lambda: gateway.take(tag, phones)),
            "sleep, then lose": lambda: sleep(lambda: after(accept, Lost("reset"))),
            "sleep, then unsent": lambda: sleep(lambda: Unsent("connection refused")),
        }

    def judge_request(self, tag: str, phones: list[str]) -> None:
        """What must be true, and committed, at the moment at which the bytes leave."""
        now = self.bench.clock()
        (attempt,) = [one for one in self.bench.attempts() if one.tag == tag]
        batch = self.bench.batch(attempt.batch_id)
        (campaign,) = [one for one in self.bench.campaigns() if one.id == batch.campaign_id]
        assert (batch.state, batch.tag, batch.attempt) == ("sending", tag, attempt.number)
        assert attempt.outcome is None
        assert campaign.state == "running"
        assert campaign.not_after is None or campaign.not_after > now
        assert self.opted_out.isdisjoint(phones)
        if campaign.commercial:
            windows = self.dispatcher.windows
            assert windows.hold(now, batch.territory) is None
            assert windows.hold(now, "metropole") is None

    # -- steps

    @initialize(size=st.integers(1, 7), ends=st.sampled_from([False, False, True]))
    def begin(self, size: int, ends: bool) -> None:
        self.ends = ends
        self.submit(size, commercial=True, hours=None)

    @precondition(lambda self: self.people < 20)
    @rule(
        size=st.integers(1, 7),
        commercial=st.booleans(),
        hours=st.sampled_from([None, None, 1, 30]),
    )
    def submit(self, size: int, commercial: bool, hours: int | None) -> None:
        end = None if hours is None else self.bench.clock() + timedelta(hours=hours)
        values = people(size, self.people)
        with suppress(InvalidCampaign):  # it would be over before the next opening
            self.dispatcher.submit(
                f"campaign-{self.people}", TEXT, values, commercial=commercial, not_after=end
            )
        self.people += size

    @rule(script=answers, asleep=meanwhile, lag=st.booleans())
    def send(self, script: list[str], asleep: list[str], lag: bool) -> None:
        self.script, self.asleep, self.lag = deque(script), asleep, lag
        self.send_due()
        self.script.clear()

    @rule(which=st.integers(0, 9), script=answers)
    def hint(self, which: int, script: list[str]) -> None:
        """One that may be late, doubled or forged."""
        self.script, self.asleep, self.lag = deque(script), [], False
        with suppress(Crash):
            self.bench.send(which)
        self.script.clear()

    @rule(script=answers, asleep=meanwhile, lag=st.booleans(), arms=st.integers(0, 5))
    def send_more(self, script: list[str], asleep: list[str], lag: bool, arms: int) -> None:
        """As ``send``, but now and then the worker dies before the arming is committed."""
        if arms:
            self.send(script, asleep, lag)
            return

        def arm(*args: Any, **options: Any) -> bool:
            armed(*args, **options)
            raise Crash

        armed = claims.claim
        requests = len(self.gateway.requests)
        with mock.patch.object(claims, "claim", arm):
            self.send_due()
        assert len(self.gateway.requests) == requests

    @rule()
    def work(self) -> None:
        """A tick, and all that it hints at."""
        self.bench.work()
        self.bench.check()

    @rule(act=st.sampled_from(["tick", "settle", "poll", "settle", "deliver", "fail"]))
    def work_a_little(self, act: str) -> None:
        self.do(act)

    @rule(seconds=st.sampled_from(PASSES))
    def time_passes(self, seconds: int) -> None:
        self.bench.clock.forward(seconds=seconds)

    @rule(second=st.sampled_from([0, 1, 59, 60, 61, None]))
    def the_windows_edge(self, second: int | None) -> None:
        """To 19:59 and some seconds, Paris time, or (None) to the next opening."""
        if second is None:
            hold = self.dispatcher.hold()
            self.bench.clock.at = hold.until if hold else self.bench.clock()
            return
        local = self.bench.clock().astimezone(PARIS)
        edge = local.replace(hour=19, minute=59, second=0) + timedelta(seconds=second)
        self.bench.clock.at = max(edge.astimezone(UTC), self.bench.clock())

    @rule(what=st.sampled_from(["blind", "cut", "unreachable", "well", "well"]))
    def the_gateway_is(self, what: str) -> None:
        self.gateway.blind = what == "blind"
        self.gateway.cut = what == "cut"
        self.gateway.unreachable = "no route" if what == "unreachable" else ""
        if what == "well":
            self.gateway.hidden.clear()

    @rule(act=st.sampled_from(PERSONS), n=st.integers(0, 6))
    def a_person(self, act: str, n: int) -> None:
        if act == "opt out":
            phone = people(1, n)[0]
            self.bench.opt_out(phone)
            self.opted_out.add(phone)
        else:
            self.do(act)

    def do(self, act: str) -> None:
        """Something that may also happen while a request is under way."""
        if act == "tick":
            self.bench.tick()
        elif act == "settle":
            for batch_id in self.bench.tick().settle:
                self.bench.settle(batch_id)
        elif act == "send":
            self.send_due()
        elif act == "poll":
            self.bench.poll()
        elif act in {"deliver", "fail"}:
            delivered = act == "deliver"
            self.gateway.final = MessageState.DELIVERED if delivered else MessageState.UNDELIVERED
            self.gateway.deliver()
        elif act == "resend":
            self.resend_first()
        elif act == "give up":
            for doubt in self.dispatcher.doubts()[:1]:
                with suppress(IllegalMove):  # it shows at the gateway, and is settled instead
                    self.dispatcher.give_up(doubt.batch_id, reason=WHY)
        else:
            for campaign in self.bench.campaigns()[:1]:
                with suppress(IllegalMove):
                    getattr(self.dispatcher, act)(campaign.id)

    def send_due(self) -> None:
        for batch_id in self.bench.tick().send:
            with suppress(Crash):
                self.bench.send(batch_id)

    def resend_first(self) -> None:
        """A person has the oldest doubt sent again, if the product lets them."""
        for doubt in self.dispatcher.doubts()[:1]:
            with suppress(IllegalMove, GatewayError):
                self.dispatcher.resend(doubt.batch_id, reason=WHY)
                self.resent[doubt.batch_id] += 1

    # -- what must hold after every step

    @invariant()
    def everything_holds(self) -> None:
        with self.dispatcher.database.read() as session:
            rows = {batch.id: batch for batch in session.scalars(select(Batch))}
            query = select(Attempt).order_by(Attempt.batch_id, Attempt.number)
            made = session.scalars(query).all()
            moves = {tuple(row) for row in session.execute(text("SELECT * FROM moved"))}
            if len(self.places) < sum(batch.size for batch in rows.values()):
                self.places = {
                    one.phone: (one.batch_id, one.position)
                    for one in session.scalars(select(Recipient))
                }
        self.judge_ledger(rows, made)
        self.judge_moves(rows, moves)
        self.judge_attempts(rows, made)

    def judge_ledger(self, rows: Mapping[int, Batch], made: Sequence[Attempt]) -> None:
        for phone, times in self.gateway.texted.items():
            batch_id, _ = self.places[phone]
            assert times <= 1 + self.resent[batch_id], "somebody was texted twice"
        for phone, (batch_id, position) in self.places.items():
            batch = rows[batch_id]
            assert batch.states[position] not in TAKEN or phone in self.gateway.texted, (
                f"{batch.states[position]} in a {batch.state} batch, and not in the ledger"
            )
        tags = {attempt.tag: attempt for attempt in made}
        for tag, phone, _ in self.gateway.ledger:
            batch_id, position = self.places[phone]
            self.judge_entry(tags[tag], rows[batch_id], rows[batch_id].states[position])

    def judge_entry(self, attempt: Attempt, batch: Batch, letter: str) -> None:
        """Whoever is in the ledger is known to be, or may be, or is still looked for."""
        assert attempt.outcome not in NOBODY, f"a {attempt.outcome} attempt is in the ledger"
        if letter in TAKEN + GIVEN_UP:
            return
        if batch.state in {"sending", "in_doubt"}:
            return
        looked_for = attempt.outcome in UNPROVEN or attempt.check_at is not None
        if batch.state == "pending":
            assert looked_for, f"a pending batch was taken: {attempt.outcome}"
        else:
            assert looked_for or attempt.outcome == "sent", (
                f"{letter} in a {batch.state} batch was taken: {attempt.outcome}"
            )

    def judge_moves(self, rows: Mapping[int, Batch], moves: Collection[tuple[Any, ...]]) -> None:
        tables: dict[str, Any] = {"batch": BATCH_MOVES, "campaign": CAMPAIGN_MOVES}
        for table, was, becomes in moves:
            assert becomes in tables[table][was], f"a {was} {table} became {becomes}"
        for batch in rows.values():
            before = self.letters.get(batch.id, batch.states)
            for was, becomes in zip(before, batch.states, strict=True):
                assert becomes in REACHABLE[was], f"message {was} became {becomes}"
            self.letters[batch.id] = batch.states
            counts = {state: getattr(batch, state.value) for state in MessageState}
            assert counts == message_states.tally(batch.states)

    def judge_attempts(self, rows: Mapping[int, Batch], made: Sequence[Attempt]) -> None:
        for batch in rows.values():
            of_batch = [attempt for attempt in made if attempt.batch_id == batch.id]
            assert [one.number for one in of_batch] == list(range(1, batch.attempt + 1))
            assert all(one.outcome for one in of_batch[:-1])
            assert batch.state != "pending" or all(one.outcome for one in of_batch)

    # -- the end

    def settle_everything(self) -> None:
        """The world gets well: everybody comes to an end, and no double text stays unknown."""
        bench, gateway = self.bench, self.gateway
        gateway.blind = gateway.cut = False
        gateway.unreachable = ""
        gateway.hidden.clear()
        self.script.clear()
        for campaign in bench.campaigns():
            if campaign.state == "paused":
                self.dispatcher.resume(campaign.id)
        recent = bench.clock() - timedelta(hours=40)
        known = {one.tag for one in bench.attempts() if one.armed_at > recent}
        bench.pass_by(seconds=bench.settings.lease + 1)
        bench.pass_by(hours=1, minutes=1)
        twice = self.texted_twice(known)
        result = {incident.batch_id for incident in self.dispatcher.incidents()}
        assert twice <= result, "somebody was texted twice, and nobody was told"
        for doubt in self.dispatcher.doubts():
            with suppress(IllegalMove):
                self.dispatcher.give_up(doubt.batch_id, reason=WHY)
        self.the_windows_edge(None)
        bench.pass_by(minutes=6)
        bench.pass_by(hours=73)
        self.the_windows_edge(None)
        bench.pass_by(minutes=1)
        for _, _, _, state in bench.view():
            assert state not in {"pending", "in_doubt"}, f"somebody is {state} for ever"
        for progress in self.dispatcher.campaigns():
            assert progress.state in {"finished", "cancelled"} or progress.messages["sent"]
        self.everything_holds()
        bench.check()

    def texted_twice(self, tags: set[str]) -> set[int]:
        """The batches of which somebody is in the ledger twice, under these tags."""
        of_batch = {attempt.tag: attempt.batch_id for attempt in self.bench.attempts()}
        times = Counter((of_batch[tag], p) for tag, p, _ in self.gateway.ledger if tag in tags)
        return {batch_id for (batch_id, _), count in times.items() if count > 1}


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
        for table in ("batch", "campaign"):
            session.execute(text((_SQLITE if sqlite else _POSTGRES).format(table=table)))
    try:
        yield
    finally:
        with database.write() as session:
            for table in ("batch", "campaign"):
                session.execute(text(f"DROP TRIGGER watch_{table}{on.format(table=table)}"))
            if not sqlite:
                session.execute(text("DROP FUNCTION watch()"))
            session.execute(text("DROP TABLE moved"))


_PHASES = (Phase.generate, Phase.target, Phase.shrink)


def run(tables: Database, *, examples: int) -> None:
    """Run some examples, or as many as ``PROTOCOL_EXAMPLES`` says."""
    # it may be any callable that makes a machine
    factory = cast("type[Protocol]", lambda: Protocol(tables))
    with watched(tables):
        run_state_machine_as_test(
            factory,
            settings=settings(
                max_examples=int(os.environ.get("PROTOCOL_EXAMPLES", examples)),
                stateful_step_count=15,
                deadline=None,
                # looking for a smaller example takes minutes: PROTOCOL_EXAMPLES asks for that
                phases=_PHASES if "PROTOCOL_EXAMPLES" in os.environ else (Phase.generate,),
                suppress_health_check=list(HealthCheck),
                print_blob=True,
            ),
        )


def test_protocol_keeps_its_promises_on_sqlite(sqlite_tables: Database) -> None:
    run(sqlite_tables, examples=30)


def test_protocol_keeps_its_promises_on_postgresql(postgres_tables: Database) -> None:
    run(postgres_tables, examples=8)


# -- the checks bite


def retrying(session: Any, now: datetime, check_at: datetime) -> list[int]:
    """The usual policy: what a lost worker had is sent again."""
    query = text(
        "UPDATE batch SET state = 'pending', lease_until = NULL, not_before = :now"
        " WHERE state = 'sending' AND lease_until < :now"
    )
    session.execute(query, {"now": now.replace(tzinfo=None)})
    return []


def is_free(*_: object) -> None:
    """The usual oversight: no window is asked."""


def is_unknown(*_: object) -> bool:
    """The usual belief: what was refused for its rate was not taken."""
    return False


BREAKS = [
    pytest.param(
        "dispatcher.storage.batches.moves.rescue",
        retrying,
        ["die after the bytes"],
        "somebody was texted twice",
        id="what a lost worker had is sent again",
    ),
    pytest.param(
        "dispatcher.dispatch.sending.attempt.Attempts._check_earlier_attempts",
        is_unknown,
        ["throttle and take"],
        "somebody was texted twice",
        id="what was refused for its rate is sent again unseen",
    ),
    pytest.param(
        "dispatcher.dispatch.sending.attempt.Attempts._hold",
        is_free,
        ["swallow"],
        "is None",
        id="the window is not asked",
    ),
]


@pytest.mark.parametrize(("what", "instead", "script", "words"), BREAKS)
def test_protocol_with_a_broken_promise_fails(
    tables: Database, what: str, instead: Callable[..., Any], script: list[str], words: str
) -> None:
    """The same steps as drawn above, over a protocol that breaks a promise."""

    def steps() -> Protocol:
        machine = Protocol(tables)
        with machine.stack.pop_all():
            machine.begin(3, ends=False)
            if instead is is_free:
                machine.the_windows_edge(60)
            machine.send(script, [], lag=False)
            machine.time_passes(100)
            machine.work()
            machine.everything_holds()
        return machine

    with watched(tables):
        steps()  # the real protocol passes
        with mock.patch(what, instead), pytest.raises(AssertionError, match=words):
            steps()


def test_resending_after_a_lost_worker_texts_everybody_twice(tables: Database) -> None:
    """The usual policy, told by the ledger alone."""
    with watched(tables):
        machine = Protocol(tables)
        with machine.stack.pop_all(), mock.patch.object(moves, "rescue", retrying):
            machine.begin(3, ends=False)
            machine.send(["die after the bytes"], [], lag=False)
            machine.time_passes(100)
            machine.work()
        assert machine.gateway.texted == dict.fromkeys(people(3), 2)

"""The protocol machine: one installation under drawn faults, checked after every step."""

from __future__ import annotations

import json
import sys
from collections import Counter, deque
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from datetime import UTC, timedelta
from typing import Any
from unittest import mock
from zoneinfo import ZoneInfo

from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)
from sqlalchemy import text
from sqlalchemy.orm import Session

from dispatcher import GatewayError, IllegalMove, InvalidCampaign
from dispatcher.campaigns.states import MessageState
from dispatcher.campaigns.turn import Arming, Turned
from dispatcher.storage import message_trigger
from dispatcher.storage.batches import set_aside
from dispatcher.storage.batches.turns import turn as turns
from dispatcher.storage.database import Database
from tests.fakes import HandClock
from tests.integration.bench import OPEN, TEXT, opened, people
from tests.integration.conftest import empty
from tests.integration.dispatch.protocol_checks import Checks
from tests.integration.dispatch.protocol_gateway import (
    ANSWERS,
    LAGS,
    MOODS,
    Crash,
    ScriptedGateway,
)
from tests.message_log import check_log, check_states

PARIS = ZoneInfo("Europe/Paris")
WHY = "not in their dashboard"
#: what happens while a worker sleeps with its request under way
MEANWHILE = ("tick", "settle", "resend", "send", "pause", "cancel", "give up", "show", "opt out")
PERSONS = ("resume", "resume", "resume", "pause", "opt out", "cancel")
PROCESSES = ("tick", "poll", "deliver", "fail")
#: seconds before something is done: most waits are over after 100
WAITS = (0, 1, 16, 100, 100, 100, 3700)
PASSES = (45, 600, 3 * 3600, 12 * 3600)
#: how an example ends: not at all, with every doubt given up or sent again, or with time
ENDS = ("", "give up", "resend", "wait", "wait")

answers = st.lists(st.sampled_from(ANSWERS), min_size=1, max_size=3)
meanwhile = st.lists(st.sampled_from(MEANWHILE), max_size=4)
lags = st.sampled_from(LAGS)
histories = st.lists(st.tuples(answers, lags), min_size=1, max_size=4)
waits = st.sampled_from(WAITS)
some = st.integers(0, 6)


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
        with database.write() as session:
            session.execute(text("DELETE FROM moved"))
            message_trigger.switch(session, on=True)
        self.stack = ExitStack()
        self.stack.enter_context(mock.patch("dispatcher.campaigns.planner.LARGEST_BATCH", 3))
        self.stack.enter_context(mock.patch.object(set_aside, "note_error", raise_again))
        clock = HandClock(OPEN)
        self.gateway = ScriptedGateway(clock)
        self.bench = self.stack.enter_context(
            opened(
                database,
                clock=clock,
                gateway=self.gateway,
                connections=2,
                doubt_limit=3,
                message_events=True,
            )
        )
        self.gateway.lease = self.bench.settings.lease
        self.gateway.judge = self.judge_request
        self.gateway.meanwhile = self.do_meanwhile
        self.dispatcher = self.bench.dispatcher
        self.asleep: list[str] = []
        self.end = ""
        self.people = 0
        self.opted_out: set[str] = set()
        self.resent: Counter[int] = Counter()
        self.checks = Checks(self.bench, self.gateway, self.resent)

    def teardown(self) -> None:
        ends: dict[str, Callable[[], None]] = {
            "give up": self.give_everything_up,
            "resend": self.resend_everything,
            "wait": self.settle_everything,
        }
        try:
            ends.get(self.end, lambda: None)()
            check_log(self.bench.dispatcher.database)
            check_states(self.dispatcher)
        finally:
            self.stack.close()

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
        assert self.opted_out.isdisjoint(phones), "somebody was texted after STOP"
        if campaign.commercial:
            windows = self.dispatcher.windows
            for territory in {batch.territory, "metropole"}:
                assert windows.hold(now, territory) is None, "the window is closed"

    # -- steps

    @initialize(size=st.integers(1, 5), end=st.sampled_from(ENDS), history=histories)
    def begin(self, size: int, end: str, history: list[tuple[list[str], str]]) -> None:
        """A campaign of which some attempts were made, and doubts were sent again."""
        self.end = end
        self.submit(size, commercial=True, hours=None)
        for script, lag in history:
            self.do("resend")
            self.send_again(script, lag)

    @precondition(lambda self: self.people < 9)
    @rule(
        size=st.integers(1, 5),
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

    @rule(script=answers, asleep=meanwhile, lag=lags, wait=waits)
    def send(self, script: list[str], asleep: list[str], lag: str, wait: int = 0) -> None:
        self.bench.clock.forward(seconds=wait)
        self.gateway.script, self.gateway.lag = deque(script), lag
        self.asleep = asleep
        self.send_due()
        self.gateway.script.clear()

    @rule(script=answers, lag=lags)
    def send_again(self, script: list[str], lag: str) -> None:
        """Whatever waited for a usual while."""
        self.send(script, [], lag, wait=100)

    @rule(which=st.integers(0, 9), script=answers)
    def hint(self, which: int, script: list[str]) -> None:
        """One that may be late, doubled or forged."""
        self.gateway.script, self.gateway.lag = deque(script), "shows"
        self.asleep = []
        with suppress(Crash):
            self.bench.send(which)
        self.gateway.script.clear()

    @rule()
    def die_before_the_commit(self) -> None:
        """The workers die before what they claimed is committed."""

        def turn(session: Session, arms: Sequence[Arming], *rest: Any) -> Turned:
            turned = stored(session, arms, *rest)
            if arms:
                raise Crash
            return turned

        stored = turns.turn
        requests = len(self.gateway.requests)
        with mock.patch.object(turns, "turn", turn):
            self.send_due()
        assert len(self.gateway.requests) == requests

    @rule(wait=waits)
    def work(self, wait: int = 100) -> None:
        """A tick, and all that it hints at."""
        self.bench.pass_by(seconds=wait)

    @rule(wait=waits)
    def settle(self, wait: int) -> None:
        self.bench.clock.forward(seconds=wait)
        self.settle_due()

    @rule(act=st.sampled_from(PROCESSES))
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

    @rule(mood=st.sampled_from(MOODS))
    def the_gateway_is(self, mood: str) -> None:
        self.gateway.mood = mood

    @rule()
    def tags_show(self) -> None:
        """All that was taken under them so far."""
        self.gateway.show_all()

    @rule(act=st.sampled_from(["resend", "resend", "give up"]), n=some)
    def a_person_decides(self, act: str, n: int) -> None:
        self.do(act, n)

    @rule(act=st.sampled_from(PERSONS), n=some)
    def a_person(self, act: str, n: int) -> None:
        self.do(act, n)

    @rule(n=some, stop=st.booleans())
    def a_report_is_posted(self, n: int, stop: bool) -> None:
        """By the gateway, or by anybody who knows the address."""
        known = list(self.gateway.ids) or ["1"]
        phone = people(1, n)[0]
        report = {
            "msgId": known[n % len(known)],
            "phone": phone,
            "status": "Delivered",
            "stopSms": int(stop),
        }
        self.dispatcher.inbox.take("report", json.dumps(report).encode())
        if stop:
            self.opted_out.add(phone)

    # -- acts, some of which may also happen while a request is under way

    def do(self, act: str, n: int = 0) -> None:
        acts: dict[str, Callable[[], object]] = {
            "tick": self.bench.tick,
            "settle": self.settle_due,
            "send": self.send_due,
            "poll": self.bench.poll,
            "deliver": lambda: self.deliver(MessageState.DELIVERED),
            "fail": lambda: self.deliver(MessageState.UNDELIVERED),
            "show": self.gateway.show_all,
            "opt out": lambda: self.opt_out(people(1, n)[0]),
            "resend": lambda: self.decide(self.resend, n),
            "give up": lambda: self.decide(self.give_up, n),
        }
        acts.get(act, lambda: self.stop_or_go(act, n))()

    def decide(self, verb: Callable[[int], None], n: int) -> None:
        """A person ends one of the doubts, if the product lets them."""
        if doubts := self.dispatcher.doubts():
            verb(doubts[n % len(doubts)].batch_id)

    def do_meanwhile(self) -> None:
        for act in self.asleep:
            self.do(act)

    def settle_due(self) -> None:
        for batch_id in self.bench.tick().settle:
            self.bench.settle(batch_id)

    def send_due(self) -> None:
        for batch_id in self.bench.tick().send:
            with suppress(Crash):
                self.bench.send(batch_id)

    def deliver(self, state: MessageState) -> None:
        self.gateway.final = state
        self.gateway.deliver()

    def opt_out(self, phone: str) -> None:
        self.bench.opt_out(phone)
        self.opted_out.add(phone)

    def resend(self, batch_id: int) -> None:
        with suppress(IllegalMove, GatewayError):
            self.dispatcher.resend(batch_id, reason=WHY)
            self.resent[batch_id] += 1

    def give_up(self, batch_id: int) -> None:
        with suppress(IllegalMove):  # it shows at the gateway, and is settled instead
            self.dispatcher.give_up(batch_id, reason=WHY)

    def stop_or_go(self, verb: str, n: int) -> None:
        campaigns = self.bench.campaigns()
        if campaigns:
            with suppress(IllegalMove):
                getattr(self.dispatcher, verb)(campaigns[n % len(campaigns)].id)

    # -- what must hold after every step, and at the end

    @invariant()
    def everything_holds(self) -> None:
        self.checks.everything()

    def give_everything_up(self) -> None:
        """Whatever the gateway says, and whether it answers at all."""
        self.bench.pass_by(seconds=self.bench.settings.lease + 1)
        for doubt in self.dispatcher.doubts():
            self.give_up(doubt.batch_id)
        self.checks.no_doubt_is_left()
        self.everything_holds()

    def resend_everything(self) -> None:
        """Once the gateway answers, each doubt is settled or goes again."""
        self.get_well()
        self.bench.pass_by(seconds=self.bench.settings.lease + 1)
        self.bench.clock.forward(minutes=6)
        for doubt in self.dispatcher.doubts():
            self.resend(doubt.batch_id)
        cancelled = {one.reference for one in self.bench.campaigns() if one.state == "cancelled"}
        self.checks.no_doubt_is_left(but_for=cancelled)
        self.everything_holds()

    def get_well(self) -> None:
        self.gateway.mood = "well"
        self.gateway.lag = "shows"
        self.gateway.show_all()
        self.gateway.script.clear()

    def settle_everything(self) -> None:
        """The world gets well: everybody comes to an end, and the rows equal the ledger."""
        bench = self.bench
        self.get_well()
        for campaign in bench.campaigns():
            if campaign.state == "paused":
                self.dispatcher.resume(campaign.id)
        recent = bench.clock() - timedelta(hours=40)
        tags = {one.tag for one in bench.attempts() if one.armed_at > recent}
        bench.pass_by(seconds=bench.settings.lease + 1)
        bench.pass_by(hours=1, minutes=1)
        for doubt in self.dispatcher.doubts():
            self.give_up(doubt.batch_id)
        self.the_windows_edge(None)
        bench.pass_by(minutes=6)
        self.gateway.deliver()
        bench.pass_by(minutes=6)
        bench.pass_by(hours=73)
        self.the_windows_edge(None)
        bench.pass_by(minutes=1)
        bench.pass_by(hours=73)
        bench.tick()
        self.checks.rows_equal_the_ledger(tags)
        for progress in self.dispatcher.campaigns():
            assert progress.state in {"finished", "cancelled"} or progress.messages["sent"]
        self.everything_holds()

"""A dispatcher on a real database, with a gateway in memory and a clock that is set by hand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest import mock

from sqlalchemy import select, text

from dispatcher import Dispatcher, Progress, Settings
from dispatcher.campaigns import message_states
from dispatcher.campaigns.states import MessageState
from dispatcher.dispatch.retention import Retention
from dispatcher.dispatch.steps import Context, Due
from dispatcher.storage import opt_outs
from dispatcher.storage.database import Database
from dispatcher.storage.tables import Action, Attempt, Batch, Campaign
from tests.fakes import FakeGateway, HandClock

#: a Tuesday morning: the window is open for ten hours
OPEN = datetime(2026, 11, 24, 9, tzinfo=UTC)
TEXT = "Soldes demain chez nous"


def people(count: int, start: int = 0) -> list[str]:
    """Numbers of the block that belongs to nobody."""
    return [f"+3363998{number:04d}" for number in range(start, start + count)]


class Bench:
    """One installation, worked by hand: nothing happens between two calls."""

    def __init__(
        self,
        database: Database,
        *,
        at: datetime = OPEN,
        clock: HandClock | None = None,
        gateway: FakeGateway | None = None,
        **settings: Any,
    ) -> None:
        self.clock = clock or HandClock(at)
        self.gateway = gateway or FakeGateway(self.clock)
        # who is not about credit need not have the balance read before a batch leaves
        values = {
            "sender": "MaBoutique",
            "credit_check": "off",
            "pseudonym_key": "a key of the tests, which hides nobody",
            **settings,
        }
        self.settings = Settings.of(**values)
        # an engine compiles each statement once: a new one for every test would take seconds
        with mock.patch("dispatcher.api.operator.Database", return_value=database):
            self.dispatcher = Dispatcher(self.settings, clock=self.clock, gateway=self.gateway)
        self.send = self.dispatcher.steps.send_batch
        self.poll = self.dispatcher.steps.poll
        self.settle = self.dispatcher.steps.settle_batch
        self.recall = self.dispatcher.steps.recall

    # -- doing

    def submit(
        self, count: int = 3, reference: str = "soldes", *, start: int = 0, **options: Any
    ) -> int:
        """Submit to ``count`` people; returns the id of the first batch."""
        campaign_id = self.dispatcher.submit(reference, TEXT, people(count, start), **options)
        return self.batches(campaign_id)[0].id

    def tick(self) -> Due:
        return self.dispatcher.tick()

    def work(self) -> Due:
        """Tick, and do all that is due."""
        due = self.tick()
        if due.series and self.dispatcher.make_occurrences():
            due = self.tick()
        if due.credit and self.dispatcher.check_credit():
            due = self.tick()
        for batch_id in due.send:
            self.send(batch_id)
        if due.recall:
            self.recall()
        for batch_id in due.settle:
            self.settle(batch_id)
        for _ in range(due.polls):
            self.poll()
        return due

    def prune_alone(self) -> int:
        """Do the work of retention without the steps: no thread limit, no look at the database."""
        one = self.dispatcher
        context = Context(
            settings=one.settings,
            database=one.database,
            gateway=self.gateway,
            windows=one.windows,
            clock=one.clock,
            rate_limit=mock.Mock(),
        )
        return Retention(context).prune()

    def pass_by(self, **duration: float) -> None:
        """Let time pass, then work."""
        self.clock.forward(**duration)
        self.work()

    def opt_out(self, phone: str) -> None:
        with self.dispatcher.database.write() as session:
            opt_outs.add(session, [phone], source="by hand", now=self.clock())

    # -- looking

    def progress(self, reference: str = "soldes") -> Progress:
        return self.dispatcher.progress(reference)

    def messages(self, reference: str = "soldes") -> dict[str, int]:
        """How many messages are in each state that has any."""
        return {k: n for k, n in self.progress(reference).messages.items() if n}

    def batch(self, batch_id: int) -> Batch:
        with self.dispatcher.database.read() as session:
            return session.scalars(select(Batch).where(Batch.id == batch_id)).one()

    def batches(self, campaign_id: int | None = None) -> Sequence[Batch]:
        query = select(Batch).order_by(Batch.id)
        if campaign_id is not None:
            query = query.where(Batch.campaign_id == campaign_id)
        with self.dispatcher.database.read() as session:
            return session.scalars(query).all()

    def campaigns(self) -> Sequence[Campaign]:
        with self.dispatcher.database.read() as session:
            return session.scalars(select(Campaign).order_by(Campaign.id)).all()

    def attempts(self, batch_id: int | None = None) -> Sequence[Attempt]:
        query = select(Attempt).order_by(Attempt.batch_id, Attempt.number)
        if batch_id is not None:
            query = query.where(Attempt.batch_id == batch_id)
        with self.dispatcher.database.read() as session:
            return session.scalars(query).all()

    def outcomes(self, batch_id: int) -> list[str | None]:
        return [attempt.outcome for attempt in self.attempts(batch_id)]

    def actions(self, verb: str) -> Sequence[Action]:
        query = select(Action).where(Action.verb == verb).order_by(Action.id)
        with self.dispatcher.database.read() as session:
            return session.scalars(query).all()

    def view(self) -> list[tuple[int, int, str, str]]:
        """The view ``dispatcher_message``: (campaign, batch, phone, state), in order."""
        query = text(
            "SELECT campaign_id, batch_id, phone, state FROM dispatcher_message"
            " ORDER BY batch_id, position"
        )
        with self.dispatcher.database.read() as session:
            return [tuple(row) for row in session.execute(query)]

    def check(self) -> None:
        """Nobody is lost: every sum agrees with every other."""
        viewed: dict[int, Counter[str]] = {}
        for campaign_id, _, _, state in self.view():
            viewed.setdefault(campaign_id, Counter())[state] += 1
        for progress in self.dispatcher.campaigns():
            kept = progress.rows - progress.duplicates - progress.unusable
            assert progress.recipients == sum(progress.messages.values()) == kept
            assert viewed[progress.id] == Counter(progress.messages)
        for batch in self.batches():
            counts = {state: getattr(batch, state.value) for state in MessageState}
            assert counts == message_states.tally(batch.states)


@contextmanager
def opened(database: Database, **settings: Any) -> Iterator[Bench]:
    """A bench whose clock the database's clock does not contradict."""
    with (
        mock.patch("dispatcher.dispatch.safeguards.MOST_SKEW", timedelta.max),
        # a test that is not about it need not wait until a lost worker has certainly ended
        mock.patch("dispatcher.campaigns.evidence.RESEND_AFTER", timedelta(0)),
    ):
        yield Bench(database, **settings)

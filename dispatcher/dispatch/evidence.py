"""Evidence, gathered: the gateway is asked once for every tag of a batch, then all is judged."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy.orm import Session

from dispatcher.campaigns.evidence import Verdict
from dispatcher.campaigns.states import MessageState
from dispatcher.dispatch.context import Context
from dispatcher.dispatch.tag_answers import tag_answer
from dispatcher.errors import GatewayError
from dispatcher.storage import opt_outs
from dispatcher.storage.batches import evidence, lookups


@dataclass(frozen=True, slots=True)
class TagAnswers:
    """What the gateway shows under all tags of a batch that may show anything."""

    batch_id: int
    #: tag -> position -> state
    shown: Mapping[str, Mapping[int, MessageState]]
    #: numbers (E.164) that answered STOP
    stops: list[str]
    #: positions that were in doubt, if the batch is
    in_question: frozenset[int] = frozenset()
    #: why something may be missing; empty if every tag was read to its end
    failure: str = ""
    #: whether each tag was answered
    answered: bool = True


class Evidence:
    """Gathers and records what the attempts of batches have shown.

    A line with an error says no more of its number than a line that is not there. Pages that are
    missing may show it: until all are read, or the gateway has forgotten the tag, nothing that
    the tag does not show may be sent again.
    """

    def __init__(self, context: Context) -> None:
        self._context = context

    def ask(self, batch_id: int) -> TagAnswers:
        """Ask for every tag of a batch that may show something. Raises NotFound."""
        with self._context.database.read() as session:
            asked = lookups.asked_tags(session, batch_id, self._context.clock())
        shown: dict[str, dict[int, MessageState]] = {}
        stops: list[str] = []
        failure, answered = "", True
        for tag in asked.tags:
            try:
                page = tag_answer(self._context, tag)
            except GatewayError as error:
                failure, answered = str(error), False
                continue
            if not page.complete and tag not in asked.old:
                failure = failure or "not all that the gateway shows can be read: ask again later"
            found = shown.setdefault(tag, {})
            for report in page.reports:
                found[asked.positions[report.phone]] = report.state
                if report.stop:
                    stops.append(report.phone)
        return TagAnswers(batch_id, shown, stops, asked.in_question, failure, answered)

    def record(
        self,
        session: Session,
        answers: TagAnswers,
        *,
        why: str | None = None,
        was_due: bool = False,
    ) -> Verdict:
        """Judge a batch and write the verdict. Raises NotFound.

        ``why`` it stays in doubt, if the lookup of its doubt was due; ``was_due`` if any was.
        """
        now = self._context.clock()
        settings = self._context.settings
        verdict = evidence.record(
            session,
            answers.batch_id,
            evidence.Shown(
                by_tag=answers.shown,
                lookup_at=lambda done: self._context.after(settings.settle_intervals, done),
                poll_at=self._context.after(settings.poll_intervals, 0),
                why=why,
                was_due=was_due,
            ),
            now,
        )
        opt_outs.add(
            session,
            answers.stops,
            source=opt_outs.ANSWERED,
            now=now,
            batch_id=answers.batch_id,
        )
        return verdict

    def record_confirmed(self, session: Session, batch_ids: Iterable[int]) -> None:
        """Record what the answers to attempts of batches confirmed: it has left by now."""
        for batch_id in batch_ids:
            self.record(session, TagAnswers(batch_id, {}, []))

"""The results of a campaign: a stream from one snapshot of the database, held to its progress."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Self

from dispatcher.api.action_record import ActionRecords
from dispatcher.api.installation import Installation
from dispatcher.campaigns.progress import messages_of
from dispatcher.campaigns.results import Result, ResultSums, states_of
from dispatcher.errors import DispatcherError
from dispatcher.language import ENGLISH, Language
from dispatcher.storage.campaigns import campaigns, totals
from dispatcher.storage.campaigns.result_rows import ResultRows


class Results(Iterator[Result]):
    """Yields each recipient of a campaign once, in the order of its batches.

    All come from one snapshot, which begins with the first and ends with the last, or with
    ``close``. At the end they are added up, and DispatcherError is raised if the sums are not
    those of ``progress``.
    """

    def __init__(
        self,
        installation: Installation,
        account: str | None,
        campaign: int | str,
        states: Sequence[str],
    ) -> None:
        """``account`` is the only one whose campaigns are found; None for all.

        Raises NotFound, InvalidCampaign for an unknown state, and StorageError.
        """
        self._installation = installation
        self._states = states_of(states)
        with installation.read() as session:
            found = campaigns.facts(session, campaign, account)
        #: id and reference of the campaign
        self.id, self.reference = found.id, found.reference
        self._sums: ResultSums | None = None
        self._language = ENGLISH
        self._rows = self._stream()

    @property
    def sums(self) -> ResultSums:
        """The sums, once the last result is read. Raises DispatcherError before."""
        if self._sums is None:
            raise DispatcherError("the results have sums once they are read to their end")
        return self._sums

    def note(self, *, hides: bool, to: str = "", by: str | None = None) -> None:
        """Put the export on record, before the first number leaves: else it is none.

        ``hides`` says that numbers are masked, ``to`` where the file goes, ``by`` who takes it.
        """
        which = "masked numbers" if hides else "whole numbers"
        where = f", to {to}" if to else ""
        reason = f"results of campaign {self.id}, {self.reference}: {which}{where}"
        ActionRecords(self._installation).note("export", reason=reason, by=by)

    def said_in(self, language: Language) -> Self:
        """The same, with reasons in this language."""
        self._language = language
        return self

    def __next__(self) -> Result:
        """The next recipient. Raises StorageError, and DispatcherError as described above."""
        result = next(self._rows)
        if self._language is ENGLISH or not result.reason:
            return result
        return replace(result, reason=self._language.say(result.reason))

    def close(self) -> None:
        """End the snapshot before the last result."""
        self._rows.close()

    def _stream(self) -> Generator[Result, None, None]:
        with self._installation.stream() as session:
            shares = totals.of_campaigns(session, [self.id]).get(self.id, [])
            messages = messages_of(shares)
            cost = sum((share.cost for share in shares), Decimal(0))
            taken_at = self._installation.clock()
            budget = self._installation.settings.stop_budget
            rows = ResultRows(session, self.id, self._states, budget)
            returned = 0
            for returned, result in enumerate(rows, start=1):  # noqa: B007 - the last is used
                yield result
        self._check(rows, messages, cost)
        self._sums = ResultSums(
            id=self.id,
            reference=self.reference,
            taken_at=taken_at,
            recipients=sum(messages.values()),
            messages=messages,
            cost=cost,
            returned=returned,
        )

    def _check(self, rows: ResultRows, messages: Mapping[str, int], cost: Decimal) -> None:
        wrong = [
            f"{rows.messages[state]:,} {state} where progress counts {count:,}"
            for state, count in messages.items()
            if rows.messages[state] != count
        ]
        if rows.cost != cost:
            wrong.append(f"{rows.cost} € where progress counts {cost} €")
        if wrong:
            raise DispatcherError(
                f"the results of campaign {self.id} do not add up, so they are not to be used:"
                f" {'; '.join(wrong)}"
            )

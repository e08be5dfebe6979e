"""The opt-out list as callers and operators use it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from dispatcher.api.actor import actor
from dispatcher.campaigns.records import Page
from dispatcher.campaigns.submission import Given
from dispatcher.errors import InvalidCampaign, InvalidPhone
from dispatcher.recipients import Rejection
from dispatcher.recipients.phones import normalise
from dispatcher.recipients.recipient import recipient_of
from dispatcher.settings.clock import Clock
from dispatcher.storage import number_checks as checks
from dispatcher.storage import opt_out_history, opt_outs, replies
from dispatcher.storage.batches import recalls
from dispatcher.storage.database import Database
from dispatcher.storage.opt_out_history import OptOutChange
from dispatcher.storage.opt_outs import OptOutEntry

__all__ = ["ImportResult", "OptOutChange", "OptOutEntry", "OptOuts"]

#: characters of a source or a reason
_LONGEST = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportResult:
    """What adding a whole list came to: ``rows`` is the sum of the others."""

    rows: int
    new: int
    #: on the list before, or given twice
    known: int
    rejected: int


class OptOuts:
    """Who said STOP, when and where. They are left out when planning and again when arming."""

    def __init__(
        self, database: Database, clock: Clock, delete_stop: Callable[[str], bool]
    ) -> None:
        self._database = database
        self._clock = clock
        self._delete_stop = delete_stop

    def __iter__(self) -> Iterator[OptOutEntry]:
        """The list, the oldest first, streamed; of erased numbers there is no trace."""
        with self._database.stream() as session:
            yield from opt_outs.entries(session)

    def __contains__(self, phone: str) -> bool:
        """Whether a number, in any spelling, has opted out, erased or not. Raises InvalidPhone."""
        with self._database.read() as session:
            return bool(opt_outs.known(session, [normalise(phone)]))

    def page(self, offset: int = 0, limit: int = 50) -> Page[OptOutEntry]:
        """Some of the list, the latest first: ``limit`` entries from ``offset`` on."""
        with self._database.read() as session:
            return opt_outs.page(session, offset, limit)

    @property
    def erased(self) -> int:
        """How many more are on the list of whom only a hash is kept."""
        with self._database.read() as session:
            return opt_outs.erased(session)

    def add(
        self,
        phones: Iterable[str],
        *,
        reason: str = "",
        source: str = "by hand",
        by: str | None = None,
    ) -> int:
        """Never text these numbers again, in any spelling; returns how many are new.

        ``by`` is who says so, for the record; by default the user of this system. Raises
        InvalidPhone for the first that is none; nothing is added then.
        """
        numbers = [normalise(phone) for phone in phones]
        return self._add(numbers, source=source, reason=reason, by=by)

    def add_all(
        self,
        recipients: Iterable[Given],
        *,
        reject: Callable[[Rejection], None] | None = None,
        strict: bool = False,
        reason: str = "",
        source: str = "import",
    ) -> ImportResult:
        """Add the numbers of a whole list, such as ``open_recipients`` reads, in one transaction.

        ``reject`` is told of every row that is no number. Raises InvalidCampaign for one such
        row when ``strict``, and UnusableInput for what cannot be read: nothing is added then.
        """
        # all is read before the transaction begins: a slow pipe would hold up every worker
        rows = rejected = 0
        numbers: set[str] = set()
        for rows, given in enumerate(recipients, start=1):
            recipient = recipient_of(given, position=rows)
            try:
                numbers.add(normalise(recipient.phone))
            except InvalidPhone as error:
                rejected += 1
                if reject is not None:
                    reject(recipient.rejected(error.reason))
        if strict and rejected:
            raise InvalidCampaign(f"{rejected} of {rows} rows are no number to text (strict)")
        new = self._add(numbers, source=source, reason=reason)
        return ImportResult(rows=rows, new=new, known=rows - rejected - new, rejected=rejected)

    def remove(self, phone: str, *, reason: str, at_gateway: bool = False) -> bool:
        """Take a number off the list: its owner consented anew. False when it is not on it.

        ``at_gateway`` takes it off the gateway's STOP list first: from there it would come back.
        The reason goes on record. Raises InvalidCampaign without one, InvalidPhone; GatewayError
        and ConfigurationError when the gateway cannot be asked: nothing is removed here then.
        """
        number, reason = normalise(phone), _on_record("a reason", reason)
        if not reason:
            raise InvalidCampaign("a reason is needed: it goes on record")
        there = at_gateway and self._delete_stop(number)
        source = "by hand, on the gateway's STOP list too" if there else "by hand"
        facts = {"reason": reason, "actor": actor(), "source": source}
        with self._database.write() as session:
            removed = opt_outs.remove(session, number, now=self._clock(), **facts)
            if there and not removed:  # it is gone there, which belongs on record all the same
                opt_out_history.record(session, [number], "remove", now=self._clock(), **facts)
        return removed or there

    def erase(self, phone: str) -> bool:
        """Forget a number, its history, replies and checks; False when it is not listed by name.

        One that is listed leaves a keyed hash, so that it stays unsent. Raises InvalidPhone.
        """
        number = normalise(phone)
        with self._database.write() as session:
            replies.forget(session, number)
            checks.forget(session, number)
            recalls.request_opted_out(session, self._clock())  # by name, as long as it has one
            return opt_outs.erase(session, number, actor=actor(), now=self._clock())

    def history(self, phone: str) -> list[OptOutChange]:
        """What happened to a number, in any spelling, the oldest first. Raises InvalidPhone."""
        with self._database.read() as session:
            return opt_out_history.of(session, normalise(phone))

    def _add(
        self, numbers: Iterable[str], *, source: str, reason: str, by: str | None = None
    ) -> int:
        source, reason = _on_record("a source", source), _on_record("a reason", reason)
        who, now = by or actor(), self._clock()
        with self._database.write() as session:
            return opt_outs.add(session, numbers, source=source, reason=reason, actor=who, now=now)


def _on_record(what: str, words: str) -> str:
    """Words of a person, on one line. Raises InvalidCampaign for what no terminal should show."""
    line = " ".join(words.split())
    if len(line) > _LONGEST or not line.isprintable():
        raise InvalidCampaign(f"{what} has at most {_LONGEST} printable characters")
    return line

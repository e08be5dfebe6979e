"""The opt-out list as callers and operators use it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from dispatcher.api.actor import named, needed, on_record
from dispatcher.api.installation import Installation
from dispatcher.campaigns.opt_outs import ImportResult, opted_out_in
from dispatcher.campaigns.records import Page, ProbableRefusal
from dispatcher.campaigns.submission import RecipientInput
from dispatcher.campaigns.wording import counted
from dispatcher.dispatch.erasures import Erasures
from dispatcher.errors import InvalidCampaign
from dispatcher.recipients import Rejection
from dispatcher.recipients.phones import normalise
from dispatcher.recipients.recipient import recipient_of
from dispatcher.settings.clock import Clock
from dispatcher.storage import (
    actions,
    erasures,
    opt_out_entries,
    opt_out_history,
    opt_outs,
    persons,
    probable_refusals,
    stop_storms,
)
from dispatcher.storage.opt_out_entries import OptOutEntry
from dispatcher.storage.opt_out_history import OptOutChange
from dispatcher.storage.stop_storms import TakenBack
from dispatcher.window.territories import find

__all__ = ["ImportResult", "OptOutChange", "OptOutEntry", "OptOuts", "TakenBack"]


class OptOuts:
    """The numbers that are never texted: excluded when a plan is made and again before a request.

    Every method raises StorageError when the database cannot be used.
    """

    def __init__(
        self, installation: Installation, clock: Clock, delete_stop: Callable[[str], bool]
    ) -> None:
        self._installation = installation
        self._clock = clock
        self._delete_stop = delete_stop

    def __iter__(self) -> Iterator[OptOutEntry]:
        """The entries, oldest first, streamed from the database; without the erased ones."""
        with self._installation.stream() as session:
            yield from opt_out_entries.entries(session)

    def __contains__(self, phone: str) -> bool:
        """Whether a number, in any spelling, has opted out, erased or not. Raises InvalidPhone."""
        with self._installation.read() as session:
            return bool(opt_outs.opted_out(session, [normalise(phone)]))

    def page(self, offset: int = 0, limit: int = 50) -> Page[OptOutEntry]:
        """One page of the list, latest first: ``limit`` entries from ``offset`` on."""
        with self._installation.read() as session:
            return opt_out_entries.page(session, offset, limit)

    @property
    def erased(self) -> int:
        """How many erased numbers are on the list: only a pseudonym of each is stored."""
        with self._installation.read() as session:
            return opt_out_entries.count_erased(session)

    def add(
        self,
        phones: Iterable[str],
        *,
        reason: str = "",
        source: str = "by hand",
        by: str | None = None,
    ) -> int:
        """Never text these numbers again, in any spelling; returns how many are new.

        ``by`` is who decides, for the record; by default the user of this system. Raises
        InvalidPhone for the first invalid number, and InvalidCampaign for a ``reason`` or
        ``source`` that is too long; nothing is added then.
        """
        numbers = [normalise(phone) for phone in phones]
        return self._add(numbers, source=source, reason=reason, by=by)

    def add_all(
        self,
        recipients: Iterable[RecipientInput],
        *,
        reject: Callable[[Rejection], None] | None = None,
        strict: bool = False,
        territory: str | None = None,
        reason: str = "",
        source: str = "import",
        by: str | None = None,
    ) -> ImportResult:
        """Add all numbers of a list in one transaction, of a row also several.

        Open a file by ``open_recipients(…, every_number=True)``. ``territory`` is that of rows
        without one of their own, whose local numbers are understood. ``reject`` is called with
        every row without a valid number, or with a cell that may be one; ``by`` is as in ``add``.
        Raises InvalidCampaign for one such row if ``strict``, if no row has a number, or for an
        unknown ``territory``, and UnusableInput for a list that cannot be read; nothing is added
        then.
        """
        if territory is not None:
            territory = find(territory).name
        # read all before the transaction begins: a slow pipe must not block the workers
        rows = given = rejected = 0
        numbers: set[str] = set()
        for rows, value in enumerate(recipients, start=1):
            recipient = recipient_of(value, position=rows, every_number=True)
            found, rejection = opted_out_in(recipient, territory)
            numbers |= found
            given += len(found)
            if rejection is not None:
                rejected += 1
                if reject is not None:
                    reject(rejection)
        if strict and rejected:
            raise InvalidCampaign(f"{rejected} of {rows} rows are no number to text (strict)")
        if rows and not given:
            raise InvalidCampaign(f"none of {rows} rows is a number to text")
        new = self._add(numbers, source=source, reason=reason, by=by)
        return ImportResult(rows=rows, new=new, known=given - new, rejected=rejected)

    def remove(
        self, phone: str, *, reason: str, at_gateway: bool = False, by: str | None = None
    ) -> bool:
        """Remove a number whose owner has consented again; False if it is not on the list.

        ``at_gateway`` removes it first from the gateway's STOP list, which would bring it back.
        The reason is recorded; ``by`` is as in ``add``. Raises InvalidCampaign without a reason,
        InvalidPhone, GatewayError if the gateway does not answer and ConfigurationError without an
        API key; nothing is removed here then.
        """
        number, reason = normalise(phone), needed(reason)
        there = at_gateway and self._delete_stop(number)
        source = "by hand, on the gateway's STOP list too" if there else "by hand"
        facts: dict[str, Any] = {"reason": reason, "actor": named(by), "source": source}
        with self._installation.write() as session:
            removed = opt_outs.remove(session, number, now=self._clock(), **facts)
            if removed or there:
                self._note(session, "remove opt-out", facts["actor"], reason)
            if there and not removed:  # record the removal at the gateway all the same
                opt_out_history.record(session, [number], "remove", now=self._clock(), **facts)
        return removed or there

    def erase(self, phone: str, *, by: str | None = None) -> bool:
        """Erase a number as ``Dispatcher.persons.erase`` does.

        False if nothing is stored about it, or it was erased before. Raises as that does.
        """
        number = normalise(phone)
        with self._installation.stream() as session:
            if erasures.is_erased(session, number) or not persons.of(session, number):
                return False
        facts = {"reason": "erased from the opt-out list", "actor": named(by)}
        Erasures(self._installation.database, self._clock).erase(number, **facts)
        return True

    def undecided(self) -> list[ProbableRefusal]:
        """People whose replies may be a refusal, the oldest first: not texted until ``decide``."""
        with self._installation.read() as session:
            return probable_refusals.undecided(session)

    def decide(self, phone: str, *, refused: bool, reason: str, by: str | None = None) -> bool:
        """Decide about a probable refusal: it is an opt-out, or it is none.

        False if there is nothing to decide about this number. Raises InvalidCampaign without a
        reason, and InvalidPhone.
        """
        number, reason = normalise(phone), needed(reason)
        facts: dict[str, Any] = {
            "reason": reason,
            "actor": named(by),
            "source": "decided by hand",
        }
        with self._installation.write() as session:
            if not probable_refusals.is_undecided(session, number):
                return False
            now = self._clock()
            if refused:
                decided = opt_outs.add(session, [number], now=now, **facts) > 0
            else:
                decided = opt_outs.remove(session, number, now=now, undecided=True, **facts)
            if decided:
                verb = "opt out" if refused else "remove opt-out"
                self._note(session, verb, named(by), reason)
            return decided

    def take_back(
        self,
        *,
        source: str,
        since: datetime,
        until: datetime,
        reason: str,
        by: str | None = None,
        dry_run: bool = False,
    ) -> TakenBack:
        """Remove the opt-outs that came from ``source`` from ``since`` on and before ``until``.

        For a storm of forged or mistaken STOPs. Those stay that another source confirms, and those
        whom we have texted. ``dry_run`` only counts. Raises InvalidCampaign without a reason, and
        for an instant without a time zone.
        """
        if since.utcoffset() is None or until.utcoffset() is None:
            raise InvalidCampaign("since and until need a time zone")
        reason, actor = needed(reason), named(by)
        with self._installation.write() as session:
            taken = stop_storms.take_back(
                session,
                source=source,
                since=since,
                until=until,
                reason=reason,
                actor=actor,
                now=self._clock(),
                dry_run=dry_run,
            )
            if not dry_run:
                what = f"{taken.removed} that came from {source}; {reason}"
                self._note(session, "take back opt-outs", actor, what)
            return taken

    def history(self, phone: str) -> list[OptOutChange]:
        """The changes of a number, in any spelling, oldest first. Raises InvalidPhone."""
        with self._installation.read() as session:
            return opt_out_history.of(session, normalise(phone))

    def _add(
        self, numbers: Iterable[str], *, source: str, reason: str, by: str | None = None
    ) -> int:
        source, reason = on_record("a source", source), on_record("a reason", reason)
        who, now = named(by), self._clock()
        with self._installation.write() as session:
            new = opt_outs.add(session, numbers, source=source, reason=reason, actor=who, now=now)
            words = [f"{counted(new, 'new number')}, {source}", reason]
            self._note(session, "opt out", who, "; ".join(filter(None, words)))
            return new

    def _note(self, session: Session, verb: str, who: str, reason: str) -> None:
        actions.note(session, None, verb=verb, actor=who, now=self._clock(), reason=reason)

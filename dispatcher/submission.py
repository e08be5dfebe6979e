"""Submitting: one campaign is checked, planned and stored, in one transaction or not at all."""

from __future__ import annotations

import getpass
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypedDict

from sqlalchemy.orm import Session

from dispatcher.clock import Clock
from dispatcher.errors import InvalidCampaign, NotFound, PlanChanged, ReferenceTaken
from dispatcher.forecast import forecast
from dispatcher.plan import Group, Plan, cost_of, fingerprint_of, warnings_of
from dispatcher.planner import PlannedBatch, Planner
from dispatcher.recipients import Recipient, Rejection, recipient_of
from dispatcher.settings import Settings, check_sender
from dispatcher.states import CampaignState
from dispatcher.storage import campaigns, opt_outs, plans, schema
from dispatcher.storage.database import Conflict, Database
from dispatcher.storage.tables import Campaign
from dispatcher.window import Hold, Windows

#: what a list of recipients may hold: numbers, Recipients, or mappings with a phone column
Given = str | Recipient | Mapping[str, object]
_LONGEST_REFERENCE = 200
#: batches a second that a forecast reckons with when no rate is set: eight lanes, 1.6 s a call
_USUAL_RATE = 5.0


class Options(TypedDict, total=False):
    """What may be asked of a campaign beside its text and recipients."""

    #: 3 to 11 letters or digits; without one, that of the settings
    sender: str | None
    #: aware instants: nothing leaves before the one; what has not left by the other expires
    not_before: datetime | None
    not_after: datetime | None
    #: False (an alert, a delivery notice) skips the window and the STOP mention
    commercial: bool
    #: overrides what the numbers say; a recipient's own territory overrides it in turn
    territory: str | None
    #: refuse the whole when one recipient cannot be texted
    strict: bool
    #: the fingerprint of the plan that was approved: anything else is refused
    approved: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """One campaign as asked for, without its recipients; see ``Options``.

    Raises InvalidCampaign for a reference, a sender or a date that cannot be.
    """

    reference: str
    text: str = field(repr=False)
    sender: str | None = None
    not_before: datetime | None = None
    not_after: datetime | None = None
    commercial: bool = True
    territory: str | None = None
    strict: bool = False
    approved: str | None = None

    def __post_init__(self) -> None:
        check_sender(self.sender)
        reference, longest = self.reference, _LONGEST_REFERENCE
        if not reference.strip() or len(reference) > longest or not reference.isprintable():
            raise InvalidCampaign(f"a reference has 1 to {longest} printable characters")
        for name, value in (("not_before", self.not_before), ("not_after", self.not_after)):
            if value is not None and value.tzinfo is None:
                raise InvalidCampaign(f"{name} {value.isoformat()} has no time zone")
        if self.not_before and self.not_after and self.not_before >= self.not_after:
            raise InvalidCampaign("not_after must be later than not_before")

    def fingerprint(self, digest: str) -> str:
        """A hash of all that was submitted; ``digest`` is that of the recipients."""
        instants = [at and at.timestamp() for at in (self.not_before, self.not_after)]
        body = [self.text, self.sender, *instants, self.commercial, self.territory, digest]
        return hashlib.sha256(json.dumps(body).encode()).hexdigest()


class Submissions:
    """Stores campaigns."""

    def __init__(
        self, settings: Settings, database: Database, windows: Windows, clock: Clock
    ) -> None:
        self._settings = settings
        self._database = database
        self._windows = windows
        self._clock = clock

    def store(
        self,
        submission: Submission,
        recipients: Iterable[Given],
        *,
        reject: Callable[[Rejection], None] | None,
    ) -> int:
        """The id of the campaign, stored now or before. Raises UnusableInput or ReferenceTaken."""
        now = self._clock()
        start = max(now, submission.not_before or now)
        self._check_deadline(submission, start)
        planner = self._planner(submission, reject)
        batches = self._held(planner.cut(_listed(recipients)), submission, start, now)
        try:
            with self._database.read() as session:
                known = _lookup(session, submission.reference)
            if known is None:
                return self._add(submission, planner, batches, now)
        except Conflict:  # somebody else was quicker, and nothing was read of the list
            with self._database.read() as session:
                known = campaigns.find(session, submission.reference)
        for _ in batches:
            pass
        if known.fingerprint != submission.fingerprint(planner.digest):
            raise ReferenceTaken(
                f"reference {submission.reference!r} was submitted with another body"
            )
        self._check_approved(submission, planner)
        return known.id

    def preview(
        self,
        submission: Submission,
        recipients: Iterable[Given],
        *,
        reject: Callable[[Rejection], None] | None,
        each: Callable[[PlannedBatch], None] | None = None,
    ) -> Plan:
        """What ``store`` would store; nothing is written. Raises UnusableInput.

        ``each`` is shown every batch, in the order of their numbers.
        """
        now = self._clock()
        start = max(now, submission.not_before or now)
        self._check_deadline(submission, start)
        planner = self._planner(submission, reject)
        groups: dict[str, Group] = {}
        sizes: dict[str, list[int]] = {}
        listed = schema.version(self._database) is not None
        opted_out = 0
        for batch, hold in self._held(planner.cut(_listed(recipients)), submission, start, now):
            if each is not None:
                each(batch)
            if listed:
                with self._database.read() as session:
                    phones = [phone for phone, _ in batch.messages]
                    opted_out += len(opt_outs.known(session, phones))
            sizes.setdefault(batch.territory, []).append(len(batch.messages))
            groups[batch.territory] = Group(
                territory=batch.territory,
                batches=len(sizes[batch.territory]),
                messages=sum(sizes[batch.territory]),
                opens_at=hold.until,
                why=hold.why,
            )
        _check_plan(planner, strict=submission.strict)
        fingerprint = self._check_approved(submission, planner)
        leaves = forecast(
            sizes,
            start=start,
            rate=self._settings.rate or _USUAL_RATE,
            windows=self._windows if submission.commercial else None,
            not_after=submission.not_after,
        )
        prices = self._settings.prices
        return Plan(
            rows=planner.rows,
            kept=planner.kept,
            duplicates=planner.duplicates,
            opted_out=opted_out,
            rejected=dict(planner.reasons.most_common()),
            segments=planner.billed.total(),
            billed=dict(planner.billed.most_common()),
            cost=cost_of(planner.billed, prices),
            groups=tuple(groups.values()),
            longest=tuple(text for _, text in planner.longest),
            forecast=leaves,
            warnings=tuple(
                warnings_of(
                    rows=planner.rows,
                    rejected=planner.reasons.total(),
                    commercial=submission.commercial,
                    sender=submission.sender,
                    unpriced=[where for where in planner.billed if where not in prices],
                    late=leaves.late,
                )
            ),
            fingerprint=fingerprint,
        )

    def _planner(
        self, submission: Submission, reject: Callable[[Rejection], None] | None
    ) -> Planner:
        return Planner(
            submission.text,
            territory=submission.territory,
            stop_budget=self._settings.stop_budget if submission.commercial else 0,
            reject=reject,
        )

    def _add(
        self,
        submission: Submission,
        planner: Planner,
        batches: Iterator[tuple[PlannedBatch, Hold]],
        now: datetime,
    ) -> int:
        campaign = Campaign(
            reference=submission.reference,
            fingerprint="",
            text=submission.text,
            sender=submission.sender,
            commercial=submission.commercial,
            not_before=submission.not_before,
            not_after=submission.not_after,
            state=CampaignState.RUNNING,
            created_at=now,
        )
        with self._database.write() as session:
            session.add(campaign)
            session.flush()
            rule = self._windows.rule if submission.commercial else ""
            plans.add_batches(session, campaign.id, batches, rule=rule)
            _check_plan(planner, strict=submission.strict)
            self._check_approved(submission, planner)
            opt_outs.mark_planned(session, campaign.id)
            campaign.fingerprint = submission.fingerprint(planner.digest)
            campaign.rows = planner.rows
            campaign.duplicates = planner.duplicates
            campaign.unusable = planner.reasons.total()
            campaigns.note(session, campaign.id, verb="submit", actor=actor(), now=now)
        return campaign.id

    def _held(
        self,
        planned: Iterator[PlannedBatch],
        submission: Submission,
        start: datetime,
        now: datetime,
    ) -> Iterator[tuple[PlannedBatch, Hold]]:
        """Each batch with its first instant and what it waits for until then."""
        scheduled = Hold(start, "scheduled" if start > now else "")
        holds: dict[str, Hold] = {}
        for batch in planned:
            if batch.territory not in holds:
                held = submission.commercial and self._windows.hold(start, batch.territory)
                holds[batch.territory] = held or scheduled
            yield batch, holds[batch.territory]

    def _check_approved(self, submission: Submission, planner: Planner) -> str:
        """The fingerprint of the plan. Raises PlanChanged when another one was approved."""
        prices = self._settings.prices
        body = submission.fingerprint(planner.digest)
        fingerprint = fingerprint_of(body, planner.billed, prices)
        if submission.approved not in (None, fingerprint):
            cost = cost_of(planner.billed, prices)
            raise PlanChanged(
                "this is not the plan that was approved: text, options, recipients or prices"
                f" differ. It is now {planner.kept:,} recipients, {planner.billed.total():,}"
                f" segments, {'unpriced' if cost is None else f'{cost} €'}"
            )
        return fingerprint

    def _check_deadline(self, submission: Submission, start: datetime) -> None:
        if submission.not_after is None:
            return
        territory = submission.territory or "metropole"
        held = submission.commercial and self._windows.hold(start, territory)
        opens, why = (held.until, f" ({held.why})") if held else (start, "")
        if opens >= submission.not_after:
            raise InvalidCampaign(
                f"not_after {submission.not_after.isoformat()} is before the next opening "
                f"{opens.isoformat()}{why}"
            )


def actor() -> str:
    """Who does something, as the record of actions names them."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container without a user name
        return "unknown"


def _listed(recipients: Iterable[Given]) -> Iterator[Recipient]:
    return (recipient_of(one, position=n) for n, one in enumerate(recipients, start=1))


def _lookup(session: Session, reference: str) -> Campaign | None:
    try:
        return campaigns.find(session, reference)
    except NotFound:
        return None


def _check_plan(planner: Planner, *, strict: bool) -> None:
    if strict and (unusable := planner.reasons.total()):
        raise InvalidCampaign(f"{unusable} of {planner.rows} rows cannot be texted (strict)")
    if not planner.kept:
        raise InvalidCampaign(
            f"none of {planner.rows} rows can be texted" if planner.rows else "no recipients"
        )

"""What callers and pages read of campaigns, batches and messages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Unpack

from sqlalchemy.orm import Session

from dispatcher.api.operator import Operator
from dispatcher.api.results import Results
from dispatcher.api.surroundings import SurroundingsReader, restored
from dispatcher.campaigns.beats import Beat, missing
from dispatcher.campaigns.causes import Cause, causes_of
from dispatcher.campaigns.course import Course
from dispatcher.campaigns.message_changes import MOST, USUAL, MessageChanges
from dispatcher.campaigns.progress import Facts, Progress, progress_of, silence, standing_of
from dispatcher.campaigns.records import (
    ActionRecord,
    BatchRecord,
    CampaignRecord,
    Doubt,
    Incident,
    MessageRecord,
    Page,
)
from dispatcher.campaigns.selection import Selection, Which
from dispatcher.campaigns.spend import Spent
from dispatcher.campaigns.states import CampaignState, MessageState
from dispatcher.campaigns.traffic import because, obvious
from dispatcher.errors import InvalidCampaign
from dispatcher.storage import actions, doubts, heartbeats, message_log, message_position
from dispatcher.storage.actions import Wanted
from dispatcher.storage.batches import left_out
from dispatcher.storage.campaigns import campaign_tags, campaigns, course, holds, records, totals

#: of how many campaigns ``waiting`` says why
_MOST_WAITING = 200
_LEFT_OUT = MessageState.LEFT_OUT


class Records(Operator):
    """Reads what belongs to one account, or to all."""

    def progress(self, campaign: int | str) -> Progress:
        """How far a campaign is, by its id (int) or its reference (str). Raises NotFound."""
        refused = self.objection()
        with self._installation.read() as session:
            facts = campaigns.facts(session, campaign, self._account)
            return self._progress(session, [facts], refused)[0]

    def causes(self, campaign: int | str) -> list[Cause]:
        """Why a campaign does not leave, the cause that has to end first at the head.

        Unlike ``progress`` it asks broker and workers in any case. Raises NotFound.
        """
        refused = self.objection()
        with self._installation.read() as session:
            facts = campaigns.facts(session, campaign, self._account)
            around = self._surroundings(session, refused, [facts.account])
            hold = around.hold(facts, holds.first(session, facts.id))
            batches = {one.state.value: one.batches for one in campaigns.shares(session, facts.id)}
            found = causes_of(standing_of(facts, batches, hold), around.of(facts, hold))
            if facts.state is CampaignState.PAUSED:
                pauses = Wanted(campaign_id=facts.id, verb=actions.PAUSE)
                for last in actions.page(session, pauses, 0, 1).items:
                    says = f"{found[0].says} (by {last.actor} at {last.at:%Y-%m-%d %H:%M} UTC)"
                    found[0] = replace(found[0], says=says)
        if facts.state in (CampaignState.RUNNING, CampaignState.PAUSED):
            named = {cause.name for cause in found}
            found += [one for one in self.outages() if one.name not in named]
        return found

    def outages(self) -> list[Cause]:
        """What is broken now in database, broker and workers, whatever waits for it."""
        refused = self.objection()
        with self._installation.read() as session:
            says = silence(heartbeats.last_tick(session), self.clock(), self.settings.tick)
        if refused:
            return [restored(refused)]
        traffic = self._traffic.read()
        return because(says, traffic) if says else obvious(traffic)

    def missing_beats(self) -> list[Beat]:
        """Beats that have ticked within a day and are silent now, while ticks go on."""
        now = self.clock()
        with self._installation.read() as session:
            known, last = heartbeats.beats(session, now), heartbeats.last_tick(session)
        return missing(known, last, now, self.settings.tick)

    def waiting(self, within: Session | None = None) -> Counter[str]:
        """How many of the campaigns submitted last wait, by the first cause of each.

        The causes are those of ``progress``. ``within`` a session no other one is opened.
        """
        refused = self.objection()
        with nullcontext(within) if within else self._installation.read() as session:
            latest = campaigns.open_ones(session, _MOST_WAITING, self._account)
            found = self._progress(session, latest, refused)
        return Counter(one.cause for one in found if one.cause)

    def campaigns(self, limit: int = 50, **which: Unpack[Which]) -> list[Progress]:
        """The campaigns submitted last, newest first; see ``page``."""
        among, refused = Selection.of(which), self.objection()
        with self._installation.read() as session:
            latest = campaigns.latest(session, limit, self._account, among=among)
            return self._progress(session, latest, refused)

    def page(self, offset: int = 0, limit: int = 50, **which: Unpack[Which]) -> Page[Progress]:
        """One page of the campaigns, newest first: ``limit`` of them from ``offset`` on.

        ``selection.Which`` describes the filters. Raises InvalidCampaign for an unknown state
        and for a ``since`` without a time zone.
        """
        among, refused = Selection.of(which), self.objection()
        with self._installation.read() as session:
            found, total = campaigns.page(session, offset, limit, self._account, among)
            return Page(tuple(self._progress(session, found, refused)), total, offset, limit)

    def campaign(self, campaign: int | str) -> CampaignRecord:
        """A campaign as it was submitted: text, sender, dates. Raises NotFound."""
        with self._installation.read() as session:
            return records.campaign(session, campaign, self._account)

    def batches(
        self, campaign: int | str, *, offset: int = 0, limit: int = 1000
    ) -> Page[BatchRecord]:
        """The batches of a campaign with their states, in order. Raises NotFound."""
        with self._installation.read() as session:
            found = campaigns.facts(session, campaign, self._account)
            return records.batch_page(session, found.id, offset, limit)

    def batch(self, batch_id: int) -> BatchRecord:
        """One batch with its state. Raises NotFound."""
        with self._installation.read() as session:
            return records.batch(session, batch_id, self._account)

    def messages(self, batch_id: int) -> tuple[MessageRecord, ...]:
        """Every recipient of a batch with the state of the message. Raises NotFound."""
        with self._installation.read() as session:
            return records.messages(session, batch_id, self._account)

    def message_changes(self, after: int = 0, *, limit: int = USUAL) -> MessageChanges:
        """What messages have come to behind the number ``after``, at most ``limit`` (1000) changes.

        Go on with the ``cursor`` of what is returned: no change is missed, and those of one message
        are in order. Raises InvalidCampaign for a cursor that is not reached yet.
        """
        if not 1 <= limit <= MOST or after < 0:
            raise InvalidCampaign(f"give a limit of 1 to {MOST}, and a cursor of 0 or more")
        if self._installation.is_empty:
            return MessageChanges(changes=(), cursor=after, recorded=False)
        with self._installation.write() as session:
            message_log.number(session)
            message_position.locked(session)
            found = message_log.page(session, after, limit, self._account)
            message_position.note_read(session, self._account, after, found.cursor)
        return found

    def results(self, campaign: int | str, *, states: Sequence[str] = ()) -> Results:
        """What became of each recipient, streamed from one snapshot; of some ``states``, or of all.

        ``Results`` says what is checked at the end. Raises NotFound, and InvalidCampaign for an
        unknown state.
        """
        return Results(self._installation, self._account, campaign, states)

    def course(self, campaign: int | str) -> Course:
        """When its messages left and their reports came. Raises NotFound.

        Reports that a version before this table read have no hour, and are not in it.
        """
        with self._installation.read() as session:
            return course.of_campaign(session, campaigns.facts(session, campaign, self._account).id)

    def actions(
        self, campaign: int | str, *, offset: int = 0, limit: int = 100
    ) -> Page[ActionRecord]:
        """Who did what to a campaign and its batches, when and why, latest first.

        Raises NotFound.
        """
        with self._installation.read() as session:
            found = campaigns.facts(session, campaign, self._account)
            return actions.page(session, Wanted(campaign_id=found.id), offset, limit)

    def spent(self, lately: timedelta) -> tuple[Decimal, Decimal]:
        """Euros charged in the last ``lately``, and euros planned for the same messages.

        Messages for which no price was set are in neither.
        """
        found = self.spent_within([lately])[0]
        return found.priced, found.planned

    def spent_within(self, periods: Sequence[timedelta]) -> list[Spent]:
        """What was spent in each of several periods that end now, by one statement."""
        now = self.clock()
        with self._installation.read() as session:
            return totals.spent(session, [now - one for one in periods], self._account)

    def doubts(self) -> list[Doubt]:
        """The batches in doubt, oldest first: evidence or a person has to settle each."""
        with self._installation.read() as session:
            return doubts.outstanding(session, self._account)

    def incidents(self) -> list[Incident]:
        """The recorded cases of recipients texted twice, latest first."""
        with self._installation.read() as session:
            return doubts.incidents(session, self._account)

    def _progress(self, session: Session, page: Sequence[Facts], refused: str) -> list[Progress]:
        """The progress of each; as many statements for a thousand campaigns as for one."""
        if not page:
            return []
        ids = [facts.id for facts in page]
        around = self._surroundings(session, refused, {facts.account for facts in page})
        shares, first = totals.of_campaigns(session, ids), holds.of_campaigns(session, ids)
        tags = campaign_tags.of_campaigns(session, ids)
        some = [one for one in ids if any(part.messages[_LEFT_OUT] for part in shares.get(one, ()))]
        causes = left_out.of_campaigns(session, some) if some else {}
        found = []
        for facts in page:
            hold = around.hold(facts, first.get(facts.id))
            its = shares.get(facts.id, [])
            more = tags.get(facts.id, ()), causes.get(facts.id, {})
            found.append(progress_of(facts, its, hold, around.of(facts, hold), *more))
        return found

    def _surroundings(
        self, session: Session, refused: str, accounts: Iterable[str]
    ) -> SurroundingsReader:
        return SurroundingsReader(session, self._installation, self._traffic, refused, accounts)

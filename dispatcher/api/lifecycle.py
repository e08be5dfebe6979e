"""What a person decides about campaigns and batches in doubt, on record with who and why."""

from __future__ import annotations

from dispatcher.api.actor import actor, given_reason
from dispatcher.api.gateways import Gateways
from dispatcher.api.installation import Installation
from dispatcher.api.records import Records
from dispatcher.campaigns.breaker import refusal_of
from dispatcher.campaigns.hand_over import CANCELLED, PAUSED
from dispatcher.campaigns.progress import Progress
from dispatcher.campaigns.states import CampaignState
from dispatcher.dispatch.hints import Hints
from dispatcher.storage import actions, credit
from dispatcher.storage.batches import recalls, refusals, set_aside
from dispatcher.storage.campaigns import campaigns, moves


class Lifecycle:
    """Moves the campaigns and batches of one ``account``, or of all (None)."""

    def __init__(
        self,
        installation: Installation,
        gateways: Gateways,
        hints: Hints,
        records: Records,
        account: str | None,
    ) -> None:
        self._installation = installation
        self._gateways = gateways
        self._hints = hints
        self._records = records
        self._account = account

    def pause(self, campaign: int | str, reason: str, by: str | None) -> Progress:
        """See ``Dispatcher.pause``."""
        return self._stop(campaign, CampaignState.PAUSED, "pause", by, given_reason(reason))

    def cancel(self, campaign: int | str, reason: str, by: str | None) -> Progress:
        """See ``Dispatcher.cancel``."""
        return self._stop(campaign, CampaignState.CANCELLED, "cancel", by, reason.strip())

    def resume(
        self, campaign: int | str, reason: str, by: str | None, *, check_credit: bool
    ) -> Progress:
        """See ``Dispatcher.resume``."""
        words = [reason.strip(), "" if check_credit else "whatever the credit"]
        wait = check_credit and self._installation.settings.credit_check != "off"
        now = self._installation.clock()
        with self._installation.write() as session:
            found = campaigns.facts(session, campaign, self._account)
            moved = moves.move(session, found.id, CampaignState.RUNNING, now=now)
            if aside := set_aside.release(session, found.id, now):
                words.append(f"{aside} batches that were set aside are tried again")
            if moved:
                if refusal := refusal_of(found.reason):
                    again = refusals.take_back(session, found.id, refusal, now)
                    words.append(f"{again} refused batches are sent again")
                credit.restart(session, found.id, wait=wait, checked=check_credit)
            if moved or aside:
                actions.note(
                    session,
                    found.id,
                    verb="resume",
                    actor=by or actor(),
                    now=now,
                    reason="; ".join(filter(None, words)),
                )
        progress = self._records.progress(found.id)
        self._hints.tick()
        return progress

    def resend(self, batch_id: int, reason: str, by: str | None) -> None:
        """See ``Dispatcher.resend``."""
        self._check_ours(batch_id)
        self._gateways.steps.resend(batch_id, actor=by or actor(), reason=given_reason(reason))
        self._hints.tick()

    def give_up(self, batch_id: int, reason: str, by: str | None) -> None:
        """See ``Dispatcher.give_up``."""
        self._check_ours(batch_id)
        self._gateways.steps.give_up(batch_id, actor=by or actor(), reason=given_reason(reason))

    def _stop(
        self, campaign: int | str, target: CampaignState, verb: str, by: str | None, reason: str
    ) -> Progress:
        now = self._installation.clock()
        cancels = target is CampaignState.CANCELLED
        with self._installation.write() as session:
            found = campaigns.facts(session, campaign, self._account)
            moved = moves.move(session, found.id, target, now=now, reason=reason or None)
            if moved and cancels:
                moves.cancel_batches(session, found.id)
            # also if a worker had paused it: a person may want back what was handed over
            why = CANCELLED if cancels else PAUSED
            recalled = recalls.request_campaign(session, found.id, why, now)
            if moved or recalled:
                who = by or actor()
                actions.note(session, found.id, verb=verb, actor=who, now=now, reason=reason)
        if recalled:
            self._hints.recall(found.account)
        return self._records.progress(found.id)

    def _check_ours(self, batch_id: int) -> None:
        """Raise NotFound for a batch of another account."""
        self._installation.prepare()
        if self._account is not None:
            self._records.batch(batch_id)

"""What a person decides about campaigns and batches in doubt, on record with who and why."""

from __future__ import annotations

from dispatcher.api.actor import checked_reason, named, printable
from dispatcher.api.records import Records
from dispatcher.campaigns.breaker import refusal_of
from dispatcher.campaigns.progress import Progress
from dispatcher.campaigns.restored import Restored
from dispatcher.campaigns.states import CampaignState
from dispatcher.campaigns.wording import counted
from dispatcher.errors import IllegalMove
from dispatcher.storage import actions, budgets, credit, heartbeats, identity, pauses, series
from dispatcher.storage.batches import due, recalls, refusals, set_aside
from dispatcher.storage.campaigns import campaigns, moves


class Lifecycle(Records):
    """Moves the campaigns and batches of one account, or of all."""

    def pause(
        self, campaign: int | str, *, reason: str = "by hand", by: str | None = None
    ) -> Progress:
        """Pause a campaign: once this returns, no further request starts.

        Requests under way show in the result as batches ``sending``. Workers ask the gateway to
        cancel what was handed over, which it refuses in the last five minutes: such batches stay
        ``handed_over`` until it has answered, and ``resume`` hands them over again. ``by`` is who
        decides, for the record; by default the user of this system. Raises NotFound, IllegalMove,
        and InvalidCampaign for an empty ``reason``.
        """
        return self._stop(campaign, CampaignState.PAUSED, "pause", by, checked_reason(reason))

    def cancel(self, campaign: int | str, *, reason: str = "", by: str | None = None) -> Progress:
        """End a campaign: pending messages are never sent, delivery reports of the others follow.

        Workers ask the gateway to cancel what was handed over, as with ``pause``. Raises NotFound
        or IllegalMove.
        """
        return self._stop(campaign, CampaignState.CANCELLED, "cancel", by, printable(reason))

    def resume(
        self,
        campaign: int | str,
        *,
        reason: str = "",
        by: str | None = None,
        check_credit: bool = True,
    ) -> Progress:
        """Let a paused campaign run again. Raises NotFound or IllegalMove.

        If the settings ask for a check of the credit, the balance is read first; with
        ``check_credit=False`` this campaign runs whatever the balance, and the record says so.
        """
        words = [printable(reason), "" if check_credit else "whatever the credit"]
        wait = check_credit and self.settings.credit_check != "off"
        now = self.clock()
        with self._installation.write() as session:
            found = campaigns.facts(session, campaign, self._account)
            ended = found.state is CampaignState.CANCELLED  # its reports are still polled
            moved = not ended and moves.move(session, found.id, CampaignState.RUNNING, now=now)
            if aside := set_aside.release(session, found.id, now):
                words.append(
                    f"{counted(aside, 'batch that was', 'batches that were')} set aside"
                    f" {'is' if aside == 1 else 'are'} tried again"
                )
            elif ended:
                moves.move(session, found.id, CampaignState.RUNNING, now=now)  # raises
            if moved:
                if refusal := refusal_of(found.reason):
                    again = refusals.take_back(session, found.id, refusal, now)
                    said = counted(again, "refused batch is", "refused batches are")
                    words.append(f"{said} sent again")
                credit.restart(session, found.id, wait=wait, checked=check_credit)
            if moved or aside:
                actions.note(
                    session,
                    found.id,
                    verb=actions.RESUME,
                    actor=named(by),
                    now=now,
                    reason="; ".join(filter(None, words)),
                )
        progress = self.progress(found.id)
        self._hints.tick()
        return progress

    def pause_all(self, *, reason: str = "by hand", by: str | None = None) -> int:
        """Pause everything, also what is submitted later: an emergency stop.

        Once this returns, no further request starts; returns how many batches are in flight. What
        was handed over is asked back. ``for_account`` chooses one account. Raises InvalidCampaign
        for an empty ``reason``.
        """
        return self._pause_all(self._account, checked_reason(reason), by)

    def _pause_all(self, account: str | None, reason: str, by: str | None) -> int:
        who, now = named(by), self.clock()
        with self._installation.write() as session:
            pauses.pause(session, account, by=who, reason=reason, now=now)
        # only now: whatever was claimed before the pause shows
        with self._installation.write() as session:
            recalled = recalls.request_paused(session, now)
            flying = due.in_flight(session, account)
        if recalled:
            self._hints.tick()
        return flying

    def resume_all(self, *, reason: str = "", by: str | None = None) -> bool:
        """End what ``pause_all`` began, of all accounts or of one; False if nothing was paused.

        Campaigns that were paused one by one stay paused. Raises IllegalMove for an account while
        everything is paused.
        """
        with self._installation.write() as session:
            who, now = named(by), self.clock()
            resumed = pauses.resume(
                session, self._account, by=who, reason=printable(reason), now=now
            )
            if still := pauses.of(session, self._account):
                raise IllegalMove(f"{still}; dispatcher resume --all ends that")
        self._hints.tick()
        return resumed

    def accept_restored(self, *, by: str | None = None) -> Restored:
        """Pause everything, and let workers work with this database though it was restored.

        Migrates it first. The result says what to look up at the gateway before ``resume_all``.
        """
        self.migrate()
        self._pause_all(None, "the database was restored", by)
        with self._installation.write() as session:
            identity.accept(session)
            who, now = named(by), self.clock()
            series.skip_restored(session, now)
            actions.note(session, None, verb="accept restored", actor=who, now=now)
            unfinished = campaigns.unfinished(session)
            return Restored(heartbeats.last_tick(session), unfinished)

    def resend(self, batch_id: int, *, reason: str, by: str | None = None) -> None:
        """Send a batch in doubt again: a person's decision, recorded with who and why.

        First the gateway is asked about every earlier attempt. Raises IllegalMove if it shows one
        or if the batch is not in doubt, GatewayError if it does not answer, NotFound,
        InvalidCampaign for an empty ``reason``, and ConfigurationError without an API key.
        """
        self._check_ours(batch_id)
        self.steps.resend(batch_id, actor=named(by), reason=checked_reason(reason))
        self._hints.tick()

    def give_up(self, batch_id: int, *, reason: str, by: str | None = None) -> None:
        """End a doubt without sending; its messages stay unreported. Raises as ``resend``."""
        self._check_ours(batch_id)
        self.steps.give_up(batch_id, actor=named(by), reason=checked_reason(reason))

    def _stop(
        self, campaign: int | str, target: CampaignState, verb: str, by: str | None, reason: str
    ) -> Progress:
        now = self.clock()
        cancels = target is CampaignState.CANCELLED
        with self._installation.write() as session:
            found = campaigns.facts(session, campaign, self._account)
            moved = moves.move(session, found.id, target, now=now, reason=reason or None)
            if moved and cancels:
                moves.cancel_batches(session, found.id)
            # also if a worker had paused it: what was handed over is asked back for a person alone
            if moved or not (cancels or pauses.is_by_person(session, found.id)):
                who = named(by)
                actions.note(session, found.id, verb=verb, actor=who, now=now, reason=reason)
            recalled = recalls.request_campaign(session, found.id, now)
            if moved and cancels:
                budgets.look_again(session)
        if recalled:
            self._hints.recall(found.account)
        return self.progress(found.id)

    def _check_ours(self, batch_id: int) -> None:
        """Raise NotFound for a batch of another account."""
        self.prepare()
        if self._account is not None:
            self.batch(batch_id)

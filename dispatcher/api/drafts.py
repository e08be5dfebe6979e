"""Drafts: what people wrote is planned, approved and then submitted exactly as planned."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy.orm import Session

from dispatcher.api import deciders
from dispatcher.api.actor import identity, needed, on_record
from dispatcher.api.admission import check_reason
from dispatcher.api.draft_lists import recipients_of
from dispatcher.api.submit import store
from dispatcher.api.written_drafts import WrittenDrafts
from dispatcher.campaigns.draft import Draft, check_decider, planned, stored_json
from dispatcher.campaigns.plan import Plan
from dispatcher.campaigns.states import DraftState
from dispatcher.errors import IllegalMove, NotAllowed, PlanChanged, ReferenceTaken
from dispatcher.storage import actions, draft_lists, drafts
from dispatcher.storage.campaigns import campaigns


class Drafts(WrittenDrafts):
    """The drafts of one account, or of all. Who acts is who is signed in: no caller names it.

    Where a method takes a ``version``, it raises DraftChanged if the draft is another one by then.
    In a web request in which nobody is signed in, whatever writes raises NotAllowed.
    """

    def plan(self, reference: int | str, *, version: int) -> tuple[Draft, Plan]:
        """Plan the draft, and store the plan's fingerprint and numbers. Raises UnusableInput."""
        draft, who = self._of_version(reference, version), identity()
        check_reason(self._submission(draft))
        plan = self._preview(draft)
        now = self._installation.clock()
        with self._installation.write() as session:
            drafts.change(
                session,
                draft,
                DraftState.PLANNED,
                by=who,
                now=now,
                plan=planned(plan),
                fingerprint=plan.fingerprint,
                basis=stored_json(self._basis(self._submission(draft))),
                planned_by=who,
                planned_at=now,
                changes="[]",
                refusal="",
            )
            self._note(session, "plan draft", draft.reference, who, plan.fingerprint)
        return self.get(draft.id), plan

    def hand_in(self, reference: int | str, *, version: int) -> Draft:
        """Ask for the approval of a draft that is planned.

        Raises PlanChanged if its plan does not hold any more: it has to be planned again.
        """
        draft, who = self._of_version(reference, version), identity()
        self._check_plan(draft, who)
        now = self._installation.clock()
        return self._move(
            draft, DraftState.HANDED_IN, "hand in draft", who, handed_in_by=who, handed_in_at=now
        )

    def approve(
        self, reference: int | str, *, fingerprint: str | None = None, reason: str = ""
    ) -> Draft:
        """Approve a draft that is handed in: one transaction submits it exactly as planned.

        ``fingerprint`` is that of the plan that the person has read. Raises NotAllowed for whoever
        has written any of it, IllegalMove, and PlanChanged if anything of the plan has changed: the
        plan is void then, and ``changes`` says why. Any other UnusableInput leaves it handed in.
        """
        draft, who = self.get(reference), identity()
        _check_handed_in(draft)
        if fingerprint not in (None, draft.fingerprint):
            raise PlanChanged("this is not the plan that was read: the draft was changed meanwhile")
        self._check_decider(draft, who)
        said = on_record("a reason", reason)
        return self._submit(draft, who, approved=True, reason=said)

    def refuse(self, reference: int | str, *, reason: str) -> Draft:
        """Give a draft that is handed in back to its writers.

        Raises NotAllowed for them: they ``take_back``. Raises IllegalMove, and InvalidCampaign
        without a reason.
        """
        draft, who, said = self.get(reference), identity(), needed(reason)
        _check_handed_in(draft)
        self._check_decider(draft, who)
        now = self._installation.clock()
        decided = {"decided_by": who, "decided_at": now, "refusal": said}
        back = drafts.NO_PLAN | decided
        return self._move(draft, DraftState.DRAFT, "refuse draft", who, said, **back)

    def take_back(self, reference: int | str, *, version: int) -> Draft:
        """Take back a draft that was handed in. Raises IllegalMove."""
        draft = self._of_version(reference, version)
        _check_handed_in(draft)
        return self._move(draft, DraftState.DRAFT, "take back draft", identity(), **drafts.NO_PLAN)

    def submit(self, reference: int | str, *, version: int) -> Draft:
        """Submit a draft exactly as planned, where no approval is asked for.

        Raises NotAllowed where one is, and as ``approve`` does.
        """
        draft, who = self._of_version(reference, version), identity()
        if self.needs_approval:
            raise NotAllowed(
                f"draft {draft.reference!r} needs the approval of somebody else: hand it in"
                " (DISPATCHER_APPROVAL=required)"
            )
        return self._submit(draft, who, approved=False)

    # -- behind it

    def _check_decider(self, draft: Draft, who: str) -> None:
        """Raise NotAllowed if the person has written any of it, also under an erased number."""
        deciders.check(self._installation, who, draft.writers, check_decider)

    def _submit(self, draft: Draft, who: str, *, approved: bool, reason: str = "") -> Draft:
        """Store the campaign and end the draft, in one transaction."""
        self._check_plan(draft, who)
        with self._installation.read() as session:
            if campaigns.stored(session, draft.reference):
                raise ReferenceTaken(f"a campaign has the reference {draft.reference!r} by now")

        def enter(session: Session, campaign_id: int) -> None:
            self._end(session, draft, campaign_id, who if approved else None, who, reason)

        submission = self._submission(draft, approved=draft.fingerprint)
        people = recipients_of(self._installation, draft)
        try:
            store(self._installation, self._gateways, submission, people, None, enter=enter)
        except PlanChanged as error:
            self._void(draft, who, [str(error)])
            raise
        ended = self.get(draft.id)
        if ended.campaign is None:
            raise ReferenceTaken(f"a campaign has the reference {draft.reference!r} by now")
        self._submitted()
        return ended

    def _end(
        self,
        session: Session,
        draft: Draft,
        campaign_id: int,
        approver: str | None,
        who: str,
        reason: str,
    ) -> None:
        now = self._installation.clock()
        decided = {"decided_by": approver, "decided_at": now if approver else None}
        target = DraftState.SUBMITTED
        values = {"campaign_id": campaign_id, **decided}
        drafts.change(session, draft, target, by=who, now=now, **values)
        draft_lists.remove(session, draft.id)
        if approver is not None:
            written = f"written by {', '.join(draft.writers)}; plan {draft.fingerprint}"
            said = f"{reason}; {written}" if reason else written
            actions.note(session, campaign_id, verb="approve", actor=who, now=now, reason=said)

    def _check_plan(self, draft: Draft, who: str) -> None:
        """Raise IllegalMove without a plan, and PlanChanged if it does not hold any more."""
        if draft.state is DraftState.DRAFT:
            raise IllegalMove(f"draft {draft.reference!r} has no plan: plan it first")
        if draft.changes:
            self._void(draft, who, draft.changes)
            raise PlanChanged(f"{'; '.join(draft.changes)}: plan it again")

    def _void(self, draft: Draft, who: str, changes: Sequence[str]) -> None:
        """Lead the draft back to the beginning, and say what has changed."""
        self._move(
            draft,
            DraftState.DRAFT,
            "void plan of draft",
            who,
            "; ".join(changes),
            **drafts.NO_PLAN | {"changes": stored_json(list(changes))},
        )

    def _move(
        self, draft: Draft, target: DraftState, verb: str, who: str, reason: str = "", **values: Any
    ) -> Draft:
        values.pop("state", None)
        now = self._installation.clock()
        with self._installation.write() as session:
            drafts.change(session, draft, target, by=who, now=now, **values)
            self._note(session, verb, draft.reference, who, reason)
        return self.get(draft.id)


def _check_handed_in(draft: Draft) -> None:
    """Raise IllegalMove unless the draft waits for an approval."""
    if draft.state is DraftState.SUBMITTED:
        raise IllegalMove(f"draft {draft.reference!r} was submitted: campaign {draft.campaign}")
    if draft.state is not DraftState.HANDED_IN:
        raise IllegalMove(f"draft {draft.reference!r} is not handed in: its writers hand it in")

"""Occurrences where approval is required: a draft that is handed in for the series' author."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from sqlalchemy.orm import Session

from dispatcher.api.drafts import Drafts
from dispatcher.campaigns.draft import checked_options, planned, stored_json, written_options
from dispatcher.campaigns.plan import Plan
from dispatcher.campaigns.series import Series
from dispatcher.campaigns.states import DraftState
from dispatcher.campaigns.submission import Submission
from dispatcher.errors import ReferenceTaken
from dispatcher.recipients import Recipient
from dispatcher.settings.accounts import DEFAULT
from dispatcher.storage import draft_lists, drafts
from dispatcher.storage.campaigns import campaigns


class OccurrenceDrafts(Drafts):
    """Writes drafts in the name of whoever has written a series: none of them may approve."""

    def hand_in_for(
        self,
        series: Series,
        submission: Submission,
        options: Mapping[str, Any],
        rows: Sequence[Recipient],
        plan: Plan,
        enter: Callable[[Session], None],
        *,
        why: str = "",
    ) -> None:
        """Write and hand in a draft with its plan in one transaction, in which ``enter`` is called.

        ``why`` the approval of the series does not cover it. Raises ReferenceTaken.
        """
        reference, now, who = submission.reference, self._installation.clock(), series.author
        account = submission.account or DEFAULT
        chosen = checked_options({**options, "account": account or None})
        with self._installation.write() as session:
            if drafts.known(session, reference) or campaigns.stored(session, reference):
                raise ReferenceTaken(f"reference {reference!r} is taken")
            draft_id = drafts.add(
                session,
                reference=reference,
                account=account,
                text=series.text,
                options=written_options(chosen),
                author=who,
                writers=stored_json(list(series.writers)),
                created_at=now,
                changed_at=now,
                changed_by=who,
            )
            draft_lists.replace(session, draft_id, rows)
            change = partial(drafts.change, session, by=who, now=now)
            change(
                drafts.find(session, draft_id),
                DraftState.PLANNED,
                source=series.source,
                rows=len(rows),
                columns=stored_json(list(rows[0].fields)),
                plan=planned(plan),
                fingerprint=plan.fingerprint,
                basis=stored_json(self._basis(submission)),
                planned_by=who,
                planned_at=now,
            )
            change(
                drafts.find(session, draft_id),
                DraftState.HANDED_IN,
                handed_in_by=who,
                handed_in_at=now,
            )
            enter(session)
            said = f"for {who}, by series {series.name}" + (f": {why}" if why else "")
            self._note(session, "hand in draft", reference, "dispatcher", said)

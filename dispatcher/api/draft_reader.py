"""What pages show of drafts: the draft, rows of its list, and what submitting it would do."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from typing import Any, Final, cast

from dispatcher.api.draft_lists import recipients_of, row_of
from dispatcher.api.gateways import Gateways
from dispatcher.api.installation import Installation
from dispatcher.api.intake import Intake, submission_of
from dispatcher.api.preview import preview
from dispatcher.api.screening import Screening
from dispatcher.campaigns.batch import PlannedBatch
from dispatcher.campaigns.draft import Draft, DraftRow, basis_of, changes_between
from dispatcher.campaigns.plan import Plan
from dispatcher.campaigns.records import Page
from dispatcher.campaigns.states import DraftState
from dispatcher.campaigns.submission import Options, Submission
from dispatcher.errors import ConfigurationError, UnusableInput
from dispatcher.recipients import Rejection
from dispatcher.settings.accounts import DEFAULT
from dispatcher.storage import draft_lists, drafts, others

#: the settings that decide what a plan comes to, and whether it is refused
_DECIDING: Final = (
    *("stop_budget", "unicode", "closing_guard", "weekly_messages", "repeat_days", "repeat_mode"),
    *("checks_mode", "consent_required", "campaign_recipients", "campaign_euros"),
    *("daily_recipients", "daily_euros", "unreachable_after", "unreachable_campaigns"),
)


class DraftReader:
    """Reads the drafts of one account, or of all."""

    def __init__(
        self,
        installation: Installation,
        gateways: Gateways,
        account: str | None,
        submitted: Callable[[], object],
    ) -> None:
        """``submitted`` is called once a draft has become a campaign."""
        self._installation, self._gateways = installation, gateways
        self._account, self._submitted = account, submitted

    @property
    def needs_approval(self) -> bool:
        """Whether a draft runs only after somebody else has approved it."""
        return self._installation.settings.approval == "required"

    def get(self, reference: int | str) -> Draft:
        """A draft by its reference (str) or id (int). Raises NotFound.

        ``changes`` says what of its plan does not hold any more: a price, the calendar, a setting.
        """
        with self._installation.read() as session:
            return self._current(drafts.find(session, reference, self._account))

    def all(
        self, *, limit: int = 100, states: Collection[DraftState] = tuple(DraftState)
    ) -> tuple[Draft, ...]:
        """The drafts in these ``states``, the one that was changed last first."""
        with self._installation.read() as session:
            found = drafts.latest(session, limit, self._account, states)
        return tuple(map(self._current, found))

    def nameable(self, draft: Draft, *, limit: int = 200) -> dict[int, str]:
        """Id -> reference of campaigns that ``except_campaign`` may name, the newest first."""
        with self._installation.read() as session:
            return others.nameable(session, draft.account, limit)

    def rows(self, reference: int | str, *, offset: int = 0, limit: int = 20) -> Page[DraftRow]:
        """Rows of the list with the text that each would get."""
        draft = self.get(reference)
        settings = self._installation.settings.of_account(draft.account)
        with self._installation.read() as session:
            some = draft_lists.part(session, draft.id, offset, limit)
        items = tuple(row_of(at, recipient, draft, settings) for at, recipient in some)
        return Page(items, draft.rows, offset, limit)

    def rejected(self, reference: int | str) -> Iterator[Rejection]:
        """The rows that get no message, and why. Raises UnusableInput for an unusable text."""
        draft, found = self.get(reference), list[Rejection]()
        intake = Intake(self._installation, self._submission(draft), found.append)
        screening = Screening.of(self._installation, None)
        for _ in intake.cut(recipients_of(self._installation, draft), screening):
            pass
        return iter(found)

    def preview(
        self,
        reference: int | str,
        *,
        reject: Callable[[Rejection], None] | None = None,
        each: Callable[[PlannedBatch, set[str]], None] | None = None,
    ) -> Plan:
        """What submitting the draft would do now; nothing is written. Raises UnusableInput.

        ``reject`` is called with every row that gets no message, ``each`` with every batch and the
        numbers in it that have opted out.
        """
        return self._preview(self.get(reference), reject, each)

    def position_of(self, reference: int | str, row: int) -> int | None:
        """Where a row of the file is in the list, from 1; None if it is not in it."""
        draft = self.get(reference)
        with self._installation.read() as session:
            return draft_lists.position_of(session, draft.id, row)

    def _of_version(self, reference: int | str, version: int) -> Draft:
        draft = self.get(reference)
        drafts.check_version(draft, version)
        return draft

    def _submission(self, draft: Draft, **more: Any) -> Submission:
        options = cast("Options", {**draft.options, "account": draft.account, **more})
        settings = self._installation.settings
        return submission_of(settings, self._account, draft.reference, draft.text, options)

    def _preview(
        self,
        draft: Draft,
        reject: Callable[[Rejection], None] | None = None,
        each: Callable[[PlannedBatch, set[str]], None] | None = None,
    ) -> Plan:
        people = recipients_of(self._installation, draft)
        shared = self._installation, self._gateways, self._submission(draft), people
        return preview(*shared, reject=reject, each=each)

    def _current(self, draft: Draft) -> Draft:
        """The draft, with what of its plan does not hold any more."""
        if not draft.basis or draft.state is DraftState.SUBMITTED:
            return draft
        try:
            changes = changes_between(draft.basis, self._basis(self._submission(draft)))
        except (UnusableInput, ConfigurationError) as error:  # its account may be gone
            changes = (str(error),)
        return replace(draft, changes=changes)

    def _basis(self, submission: Submission) -> dict[str, str]:
        settings = self._installation.settings.of_account(submission.account or DEFAULT)
        deciding = {name: getattr(settings, name) for name in _DECIDING}
        policy = self._installation.windows.policy
        return basis_of(submission, deciding, settings.prices, policy)

"""Repeats: recipients who get the same text, or got it, from another campaign."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from dispatcher.campaigns.submission import Submission
from dispatcher.errors import InvalidCampaign
from dispatcher.settings import PREFIX, Settings
from dispatcher.settings.accounts import DEFAULT
from dispatcher.storage import caps

_MODE = f"{PREFIX}REPEAT_MODE=block"


class Repeats:
    """Counts such recipients, batch by batch. Only commercial campaigns are compared."""

    def __init__(self, settings: Settings, submission: Submission) -> None:
        self._text, self._survey = submission.text, submission.survey
        self._within = timedelta(days=settings.repeat_days)
        self._account = submission.account or DEFAULT
        #: campaigns whose people are left out: nobody gets the text from them, too
        self._excepted = frozenset(submission.excepted)
        #: the name of each campaign in a sentence, by id
        self._names: dict[int, str] = {}
        self._people: Counter[int] = Counter()
        #: whether the settings ask for this check
        self.enabled = submission.commercial and settings.repeat_days > 0
        #: whether a repeat refuses the whole campaign
        self.blocks = self.enabled and settings.repeat_mode == "block"

    def find(self, session: Session, start: datetime, *, but: int | None = None) -> None:
        """Find the campaigns with this text, except ``but``; this one may leave at ``start``."""
        if self.enabled:
            since = start - self._within
            found = caps.same_text(session, self._text, since, but=but, survey=self._survey)
            self._names = {
                # accounts do not see each other's campaigns, only that somebody gets a text twice
                campaign: repr(reference) if account == self._account else "another account"
                for campaign, (reference, account) in found.items()
                if reference not in self._excepted
            }

    @property
    def found(self) -> bool:
        """Whether another campaign has this text."""
        return bool(self._names)

    def lock(self, session: Session) -> None:
        """Block other campaigns with this text until the transaction ends."""
        caps.lock_text(session, self._text or f"survey {self._survey}")

    def add(self, session: Session, phones: Sequence[str], at: datetime) -> None:
        """Count the recipients (E.164) of one batch, which leaves at ``at`` or later."""
        if self._names:
            self._people += caps.overlap(session, phones, self._names, at, self._within)

    @property
    def warnings(self) -> list[str]:
        """A sentence for each campaign with the same text, the most recipients first."""
        end = f": submit refuses it ({_MODE})" if self.blocks else ""
        return [self._sentence(*one) + end for one in self._people.most_common()]

    def check(self) -> None:
        """Raise InvalidCampaign for a repeat, if the settings refuse repeats."""
        if self.blocks and self._people:
            raise InvalidCampaign(f"{self._sentence(*self._people.most_common(1)[0])} ({_MODE})")

    def _sentence(self, campaign: int, people: int) -> str:
        days = self._within.days
        within = "a day" if days == 1 else f"{days} days"
        what = "survey" if self._survey else "text"
        return (
            f"the same {what} reaches {people:,} of these people within {within}"
            f" under {self._names[campaign]}"
        )

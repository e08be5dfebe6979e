"""Testers, and the test messages of drafts: sent as any message is, and counted nowhere."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, cast
from uuid import uuid4

from sqlalchemy.orm import Session

from dispatcher.api.actor import identity
from dispatcher.api.draft_reader import DraftReader
from dispatcher.api.gateways import Gateways
from dispatcher.api.installation import Installation
from dispatcher.api.intake import submission_of
from dispatcher.api.submit import store
from dispatcher.campaigns.caps import day_of
from dispatcher.campaigns.draft import Draft
from dispatcher.campaigns.submission import Options, Submission
from dispatcher.campaigns.testers import MARK, Tester, TestProgress, TestSend, checked_name
from dispatcher.campaigns.wording import counted
from dispatcher.errors import IllegalMove, InvalidCampaign, NotFound, ReferenceTaken
from dispatcher.recipients import Recipient, phones
from dispatcher.storage import actions, caps, draft_lists, testers
from dispatcher.storage.driver_errors import Conflict
from dispatcher.window import Hold

#: the options of a draft that its tests have, too
_SAME: Final = ("sender", "from_number", "survey")
#: characters of a draft's reference in that of a test
_SHOWN: Final = 120


class Testers:
    """The people who get test messages, and what they got. Who acts is who is signed in."""

    def __init__(
        self,
        installation: Installation,
        gateways: Gateways,
        drafts: DraftReader,
        account: str | None,
        submitted: Callable[[], object],
    ) -> None:
        self._installation, self._gateways = installation, gateways
        self._drafts, self._account, self._submitted = drafts, account, submitted

    def add(self, name: str, phone: str, *, any_hour: bool = False) -> Tester:
        """Declare a tester; ``any_hour`` lets tests come outside of the window, too.

        Raises InvalidPhone, InvalidCampaign for an unusable name, ReferenceTaken for a known one.
        """
        who, now = identity(), self._installation.clock()
        name, number = checked_name(name), phones.normalise(phone)
        try:
            with self._installation.write() as session:
                tester = testers.add(session, name, number, any_hour=any_hour, by=who, now=now)
                hours = " (at any hour)" if any_hour else ""
                self._note(session, "add tester", f"{name}{hours}", who)
        except Conflict:
            raise ReferenceTaken(f"there is a tester {name!r} already") from None
        return tester

    def remove(self, name: str) -> None:
        """Delete a tester, with the number. Raises NotFound."""
        who = identity()
        with self._installation.write() as session:
            if not testers.remove(session, name):
                raise NotFound(f"no tester {name!r}")
            self._note(session, "remove tester", name, who)

    def all(self) -> tuple[Tester, ...]:
        """All testers, by name."""
        with self._installation.read() as session:
            return testers.every(session)

    def left_today(self) -> int:
        """How many test messages may still be sent today, in Paris."""
        with self._installation.read() as session:
            return max(0, self._left(session))

    def send(
        self, draft: int | str, *, to: Sequence[str], row: int = 1, once: str = ""
    ) -> tuple[TestSend, ...]:
        """Send the text of a row of a draft's list to testers, by their names.

        ``row`` is a position in the list, from 1; a draft without a list has a first row without
        fields. The text begins with ``testers.MARK``. Whoever may not be texted now waits for the
        window; a tester of ``any_hour`` then gets it without the STOP mention, as a message that is
        not commercial. The same ``once`` again, such as that of a form that is posted twice, sends
        nothing again.

        Raises NotFound for an unknown draft, row or tester, IllegalMove over the limit of a day,
        and UnusableInput for a text that cannot be sent.
        """
        who, found = identity(), self._drafts.get(draft)
        if not to:
            raise InvalidCampaign("a test needs a tester to go to")
        with self._installation.read() as session:
            people = testers.named(session, list(to))
            some = draft_lists.part(session, found.id, row - 1, 1) if row > 0 else []
        if not found.rows and row == 1:  # a text without fields needs no list
            some = [(1, Recipient("", {}))]
        if not some:
            raise NotFound(f"draft {found.reference!r} has no row {row} in its list")
        key = once or uuid4().hex
        commercial = bool(found.options.get("commercial", True))
        held = {one.name: self._hold(one, found) for one in people}
        # outside of the window: each kind is a campaign of its own
        alone = [one for one in people if one.any_hour and held[one.name] is not None]
        others = [one for one in people if one not in alone]
        sends = tuple(
            self._send(found, some[0], group, who, f"{key}{end}", commercial, hold)
            for group, commercial, end, hold in (
                (others, commercial, "", held[others[0].name] if others else None),
                (alone, False, ", any hour", None),
            )
            if group
        )
        self._submitted()
        return sends

    def sent(self, draft: int | str | None = None, *, limit: int = 100) -> tuple[TestProgress, ...]:
        """The latest tests, of one draft or of all, newest first. Raises NotFound."""
        of = None if draft is None else self._drafts.get(draft).reference
        with self._installation.read() as session:
            return testers.sent(session, of, limit)

    def _send(
        self,
        draft: Draft,
        row: tuple[int, Recipient],
        group: Sequence[Tester],
        who: str,
        key: str,
        commercial: bool,
        hold: Hold | None,
    ) -> TestSend:
        submission = self._submission(draft, key, commercial=commercial)
        position, shown = row
        people = [Recipient(one.phone, shown.fields, row=n) for n, one in enumerate(group, 1)]
        names = tuple(one.name for one in group)

        def enter(session: Session, campaign_id: int) -> None:
            if testers.named(session, list(names), lock=True) != list(group):
                raise IllegalMove("a tester was declared anew meanwhile: send it again")
            caps.lock(session, caps.Lock.DAY, "tests")
            testers.mark(session, campaign_id, draft.reference)
            if (left := self._left(session)) < 0:
                raise IllegalMove(
                    f"{counted(-left, 'test message')} too many today (DISPATCHER_TESTS_A_DAY)"
                )
            said = f"{draft.reference}, row {position}, to {', '.join(names)}"
            self._note(session, "test", said, who, campaign_id)

        shared = self._installation, self._gateways, submission, people
        campaign_id = store(*shared, None, enter=enter, test=True)
        return TestSend(
            campaign=int(campaign_id),
            reference=submission.reference,
            testers=names,
            why=hold.why if hold else "",
            waits_until=hold.until if hold else None,
        )

    def _submission(self, draft: Draft, key: str, *, commercial: bool) -> Submission:
        """The test as a submission: what it says is the draft's, but for the mark."""
        options: dict[str, Any] = {
            **{name: draft.options[name] for name in _SAME if name in draft.options},
            "account": draft.account,
            "strict": True,
            "priority": "high",
            "commercial": commercial,
            "reason": "" if commercial else "a test outside of the window, or of such a campaign",
        }
        return submission_of(
            self._installation.settings,
            self._account,
            f"test of {draft.reference[:_SHOWN]} ({key})",
            MARK + draft.text if draft.text else "",
            cast("Options", options),
        )

    def _hold(self, tester: Tester, draft: Draft) -> Hold | None:
        """What a test to this tester would wait for now."""
        if not draft.options.get("commercial", True):
            return None
        territory = phones.territory_of(tester.phone) or "metropole"
        return self._installation.windows.hold(self._installation.clock(), territory)

    def _left(self, session: Session) -> int:
        since = day_of(self._installation.clock())
        settings = self._installation.settings
        return settings.tests_a_day - testers.messages_since(session, since)

    def _note(
        self, session: Session, verb: str, reason: str, who: str, campaign_id: int | None = None
    ) -> None:
        now = self._installation.clock()
        actions.note(session, campaign_id, verb=verb, actor=who, now=now, reason=reason)

"""The other campaigns that a submission names: found in the database, or refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from sqlalchemy.orm import Session

from dispatcher.campaigns.others import MOST, Named, Other, judge
from dispatcher.campaigns.submission import Submission
from dispatcher.errors import InvalidCampaign
from dispatcher.settings.accounts import DEFAULT
from dispatcher.storage import drafts, others
from dispatcher.storage.campaigns import campaigns


def resolved(session: Session, submission: Submission) -> tuple[Other, ...]:
    """The campaigns that it names. Raises InvalidCampaign for one that cannot be named.

    They are stored, with their whole lists: whoever is in one may only leave it from now on.
    """
    found = tuple(Other(_found(session, submission, one), one.rule) for one in submission.others)
    check_circle(session, submission)
    return found


def check_circle(session: Session, submission: Submission) -> None:
    """Raise InvalidCampaign if a campaign that it names, directly or over others, names it."""
    mine = campaigns.stored(session, submission.reference)
    if mine is None:
        return
    for one in submission.others:
        its = campaigns.stored(session, one.reference)
        if its is not None and mine.id in others.reached(session, [its.id]):
            raise _circle(submission.reference, one)


def check_drafts(session: Session, reference: str, named: Iterable[Named]) -> None:
    """Raise InvalidCampaign if a draft that a draft names, directly or over others, names it."""
    for one in named:
        drafted = campaigns.stored(session, one.reference) is None
        if drafted and reference in _drafted(session, one.reference):
            raise _circle(reference, one)


def _circle(reference: str, one: Named) -> InvalidCampaign:
    return InvalidCampaign(
        f"{one.option} goes in a circle: {one.reference!r} names {reference!r} itself, or over"
        " others"
    )


def _found(session: Session, submission: Submission, one: Named) -> int:
    campaign = campaigns.stored(session, one.reference)
    if campaign is None:
        raise _missing(session, submission, one)
    if campaign.account != (submission.account or DEFAULT):
        where = f"account {campaign.account!r}" if campaign.account else "the default account"
        raise InvalidCampaign(
            f"{one.option} names {one.reference!r}, which goes through {where}: both have to go"
            " through one account"
        )
    if campaign.test:
        raise InvalidCampaign(
            f"{one.option} names {one.reference!r}, which is a test of a draft: name a campaign"
        )
    return campaign.id


def unknown(one: Named) -> InvalidCampaign:
    """The error for a reference that no campaign has."""
    return InvalidCampaign(
        f"{one.option} names {one.reference!r}, and there is no such campaign: submit it first"
    )


def _missing(session: Session, submission: Submission, one: Named) -> InvalidCampaign:
    if drafts.known(session, one.reference) is None:
        return unknown(one)
    if submission.reference in _drafted(session, one.reference):
        return _circle(submission.reference, one)
    return InvalidCampaign(
        f"{one.option} names {one.reference!r}, which is a draft: submit it first"
    )


def _drafted(session: Session, reference: str) -> set[str]:
    """What a draft names, directly or over other drafts."""
    found, todo = set[str](), [reference]
    while todo and len(found) < MOST * MOST:
        draft = drafts.known(session, todo.pop())
        named = set() if draft is None else {one.reference for one in draft.named}
        todo += named - found
        found |= named
    return found


class LeftOutSoFar:
    """Counts who of a planned list would be left out as of now, by reference."""

    def __init__(self, named: Sequence[Named] = (), found: Sequence[Other] = ()) -> None:
        """``found`` are the campaigns that are ``named``, in the same order."""
        self._others = found
        self._names = {
            other.campaign: one.reference for other, one in zip(found, named, strict=True)
        }
        self.people = Counter[str]()
        #: of how many it is not known yet
        self.unknown = 0

    def add(self, session: Session, phones: Sequence[str]) -> set[str]:
        """Those of these numbers (E.164) who are left out as of now."""
        if not self._others:
            return set()
        judgement = judge(phones, self._others, others.find(session, phones, self._others))
        self.people.update(self._names[campaign] for campaign in judgement.left_out.values())
        self.unknown += sum(judgement.unknown.values())
        return set(judgement.left_out)

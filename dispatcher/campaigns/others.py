"""Other campaigns that a campaign names, and whom of its people each has left out. Pure.

``except_campaign`` leaves out whoever may still be, is, or may have been texted by another one.
``only_campaign`` leaves out all but those whom another one has texted. A person is judged when the
batch is gathered to be sent. The list of the other campaign is complete by then, and whoever is not
texted by it will not be: so nobody is texted by both, and no lock is needed.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from dispatcher.campaigns.evidence import AttemptEvidence
from dispatcher.campaigns.states import CampaignState, MessageState
from dispatcher.campaigns.wording import counted
from dispatcher.errors import InvalidCampaign

#: the most campaigns that one names
MOST: Final = 20
#: how long a batch waits while the other campaign may text somebody within ``_LATER``, and while it
#: does not, or only reports are missing
_SOON, _LATER = timedelta(minutes=1), timedelta(minutes=10)


class Rule(StrEnum):
    """Whom another campaign has left out."""

    #: all that it texts, has texted, or may have texted
    EXCEPT = "except"
    #: all but those whom it has texted
    TEXTED = "texted"
    #: all but those to whom it was delivered, or who could not be reached
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    #: all but those whom it has texted and who have not answered it
    SILENT = "silent"


#: what may follow the reference of ``only_campaign``
ONLY: Final = tuple(rule.value for rule in Rule if rule is not Rule.EXCEPT)
_TEXTED: Final = frozenset({MessageState.SENT, MessageState.DELIVERED, MessageState.UNDELIVERED})
_IN_IT: Final = _TEXTED | {MessageState.PENDING, MessageState.UNREPORTED}


@dataclass(frozen=True, slots=True)
class Named:
    """Another campaign as the caller names it."""

    reference: str
    rule: Rule

    @property
    def option(self) -> str:
        """The option that names it."""
        return "except_campaign" if self.rule is Rule.EXCEPT else "only_campaign"


@dataclass(frozen=True, slots=True)
class Other:
    """Another campaign by its id."""

    campaign: int
    rule: Rule


@dataclass(frozen=True, slots=True)
class Found:
    """What became of a person in another campaign."""

    state: MessageState
    #: it may yet text the person, or may have, whatever ``state`` says
    unsure: bool = False
    #: the person has answered it
    answered: bool = False
    #: it texts the person at this instant at the earliest; None if it is paused
    leaves_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Judgement:
    """Who of some people is left out, and because of which campaign; the others are texted."""

    left_out: Mapping[str, int] = field(repr=False)
    #: campaign -> of how many people it is not known yet, and whether it may still text any
    unknown: Mapping[int, int]
    may_be_texted: bool = False
    #: when the first of them is texted at the earliest; None if their campaigns are paused
    next_at: datetime | None = None

    def again(self, now: datetime) -> datetime:
        """When to judge again, if anything is unknown."""
        soon = self.next_at is not None and self.next_at <= now + _LATER
        return now + (_SOON if soon else _LATER)

    @property
    def why(self) -> str:
        """What a batch waits for, without a word of anybody's."""
        campaign, people = next(iter(self.unknown.items()))
        if self.may_be_texted:
            return f"campaign {campaign} may still text {_people(people)}"
        return f"reports of campaign {campaign} are missing for {_people(people)}"


def _people(count: int) -> str:
    return counted(count, "person", "people")


# -- how they are named


def except_of(value: str | Iterable[str]) -> tuple[str, ...]:
    """The references of ``except_campaign``, each once. Raises InvalidCampaign."""
    if not isinstance(value, str | Iterable):
        raise InvalidCampaign('except_campaign has references: except_campaign=["soldes-1"]')
    found = tuple(dict.fromkeys([value] if isinstance(value, str) else value))
    if not all(isinstance(one, str) and one.strip() for one in found):
        raise InvalidCampaign('except_campaign has references: except_campaign=["soldes-1"]')
    if len(found) > MOST:
        raise InvalidCampaign(f"except_campaign has at most {MOST} references, not {len(found)}")
    return found


def only_of(value: str) -> Named:
    """The campaign of ``only_campaign``: its reference, perhaps with a colon and a word.

    Raises InvalidCampaign.
    """
    if not isinstance(value, str) or not value.strip():
        raise InvalidCampaign('only_campaign has one reference: only_campaign="soldes-1:delivered"')
    reference, colon, word = value.rpartition(":")
    if colon and word in ONLY and reference.strip():
        return Named(reference, Rule(word))
    return Named(value, Rule.TEXTED)


def only_written(named: Named) -> str:
    """``only_campaign`` in its one spelling: ``only_of`` of it is ``named``."""
    plain = named.rule is Rule.TEXTED and only_of(named.reference) == named
    return named.reference if plain else f"{named.reference}:{named.rule}"


def named_of(reference: str, excepted: Sequence[str], only: str | None) -> tuple[Named, ...]:
    """All campaigns that the one with ``reference`` names, in order. Raises InvalidCampaign."""
    named = [Named(one, Rule.EXCEPT) for one in excepted]
    if only is not None:
        named.append(only_of(only))
    for one in named:
        if one.reference == reference:
            raise InvalidCampaign(f"{one.option} names the campaign itself: {reference!r}")
    if only is not None and named[-1].reference in excepted:
        raise InvalidCampaign(
            f"except_campaign and only_campaign both name {named[-1].reference!r}: nobody is left"
        )
    return tuple(named)


def written(others: Sequence[Other]) -> str | None:
    """The campaigns as a row has them; None for none."""
    return json.dumps([[one.campaign, one.rule] for one in others]) if others else None


def read(document: str | None) -> tuple[Other, ...]:
    """The campaigns of a row."""
    rows = json.loads(document) if document else ()
    return tuple(Other(campaign, Rule(rule)) for campaign, rule in rows)


# -- who is left out


def may_return(state: MessageState, campaign: CampaignState) -> bool:
    """True if a message that was refused may leave after all: a person resumes its campaign."""
    going = {CampaignState.RUNNING, CampaignState.PAUSED}
    return state is MessageState.REJECTED and campaign in going


def asks_attempts(rule: Rule, state: MessageState) -> bool:
    """True if the attempts decide whether a person in ``state`` is left out (``is_unsure``)."""
    if rule is Rule.EXCEPT:
        return state not in _IN_IT
    return rule in {Rule.TEXTED, Rule.SILENT} and state is MessageState.UNREPORTED


def is_unsure(state: MessageState, position: int, attempts: Iterable[AttemptEvidence]) -> bool:
    """True if ``attempts``, all those of a batch, leave open whether they texted somebody.

    An attempt of which all is known, by its answer or by its tag, has texted nobody besides.
    """
    if state is MessageState.UNREPORTED:  # without a report, or given up in doubt
        return not any(position in one.texted for one in attempts)
    return state not in _IN_IT and any(
        position in one.texted or (one.may_show and (one.covers is None or position in one.covers))
        for one in attempts
    )


def leaves_out(rule: Rule, found: Found | None) -> bool | None:
    """True if the person is left out, None if that is not known yet.

    ``found`` is what became of the person in the other campaign; None if it never had the person.
    """
    if rule is Rule.EXCEPT:
        return found is not None and (found.state in _IN_IT or found.unsure)
    if found is None:
        return True
    state = found.state
    reported = rule in {Rule.DELIVERED, Rule.UNDELIVERED}
    if state is MessageState.PENDING or (reported and state is MessageState.SENT):
        return None
    if reported:
        return state.value != rule.value
    texted = state in _TEXTED or (state is MessageState.UNREPORTED and not found.unsure)
    return not texted or (rule is Rule.SILENT and found.answered)


def judge(
    phones: Iterable[str], others: Sequence[Other], found: Mapping[tuple[str, int], Found]
) -> Judgement:
    """Who of these people (E.164) is left out; ``found`` is by number and campaign.

    The first campaign that leaves a person out is the reason.
    """
    left_out: dict[str, int] = {}
    unknown = Counter[int]()
    pending = False
    leave: list[datetime] = []
    for phone in phones:
        open_one: int | None = None
        for other in others:
            standing = found.get((phone, other.campaign))
            verdict = leaves_out(other.rule, standing)
            if verdict:
                left_out[phone] = other.campaign
                break
            if verdict is None:
                open_one = other.campaign
        else:
            if open_one is not None:
                unknown[open_one] += 1
                there = found[phone, open_one]
                if there.state is MessageState.PENDING:
                    pending = True
                    leave += [there.leaves_at] if there.leaves_at else []
    return Judgement(left_out, unknown, pending, min(leave, default=None))

"""Which campaigns a list shows: the same filters for Python, commands, the JSON API and pages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Self, TypedDict

from dispatcher.campaigns.campaign_tags import tag_of
from dispatcher.campaigns.states import CampaignState
from dispatcher.errors import InvalidCampaign
from dispatcher.window.slots import PARIS

#: the names of the filters, in JSON and in addresses of pages
FILTERS = ("state", "since", "reference", "reference_prefix", "tag")
#: those that may be given several times
SEVERAL = frozenset({"state", "tag"})


class Which(TypedDict, total=False):
    """The filters of a list of campaigns; all of those given hold."""

    #: one state or several: ``running``, ``paused``, ``finished``, ``cancelled``
    state: str | Iterable[str] | None
    #: an aware instant: submitted then or later
    since: datetime | None
    #: the whole reference
    reference: str | None
    #: what the reference begins with
    reference_prefix: str | None
    #: one campaign tag or several: those that have one of these
    tag: str | Iterable[str] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The filters of a list, checked; ``Which`` describes them. Raises InvalidCampaign."""

    states: frozenset[CampaignState] = frozenset()
    since: datetime | None = None
    reference: str | None = None
    reference_prefix: str | None = None
    tags: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if self.since is not None and self.since.utcoffset() is None:
            raise InvalidCampaign("since has no time zone")

    @classmethod
    def of(cls, which: Which) -> Self:
        """The selection of a caller of Python."""
        state, tag = which.get("state"), which.get("tag")
        return cls(
            states=_states([state] if isinstance(state, str) else state or ()),
            since=which.get("since"),
            reference=which.get("reference"),
            reference_prefix=which.get("reference_prefix"),
            tags=frozenset(map(tag_of, [tag] if isinstance(tag, str) else tag or ())),
        )


#: every campaign
ALL = Selection()


def which_of(values: Mapping[str, Sequence[str]]) -> Which:
    """The filters among text values, as an address or a command has them.

    Raises InvalidCampaign for a value that is none, and for a filter given twice.
    """
    for name in FILTERS:
        if name not in SEVERAL and len(values.get(name, ())) > 1:
            raise InvalidCampaign(f"{name} is given {len(values[name])} times: give it once")
    first = {name: values[name][0] for name in FILTERS if values.get(name)}
    which = Which(state=_states(values.get("state", ())))
    if values.get("tag"):
        which["tag"] = [tag_of(one) for one in values["tag"]]
    if "since" in first:
        which["since"] = since_of(first["since"])
    if "reference" in first:
        which["reference"] = first["reference"]
    if "reference_prefix" in first:
        which["reference_prefix"] = first["reference_prefix"]
    return which


def filled(values: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """The filters that a form gives: without its empty fields. ``account`` is one of them."""
    found = {name: [*filter(None, values.get(name, ()))] for name in (*FILTERS, "account")}
    return {name: given for name, given in found.items() if given}


def since_of(value: str) -> datetime:
    """The instant of a text: one with an offset, or a day, which begins at midnight in Paris."""
    try:
        if len(value) == len("2027-03-27"):
            return datetime.combine(date.fromisoformat(value), time(), PARIS)
        at = datetime.fromisoformat(value)
        if at.utcoffset() is not None:
            at.astimezone(PARIS)
            return at
    except (ValueError, OverflowError):  # the latter at the ends of time
        pass
    raise InvalidCampaign(
        f"since {value[:40]!r} is no day and no instant with an offset; write it like 2027-03-27 or"
        " 2027-03-27T20:00+01:00"
    )


def _states(values: Iterable[str]) -> frozenset[CampaignState]:
    try:
        return frozenset(map(CampaignState, values))
    except ValueError:
        raise InvalidCampaign(f"a state is one of {', '.join(CampaignState)}") from None

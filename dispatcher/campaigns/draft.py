"""A draft: a campaign that people write, plan and approve before it is submitted. Pure."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from typing import Any, Final, cast

from dispatcher.campaigns.campaign_tags import tags_of
from dispatcher.campaigns.others import Named, except_of, named_of, only_of, only_written
from dispatcher.campaigns.plan import Plan
from dispatcher.campaigns.prices import Prices
from dispatcher.campaigns.smoothing import smoothing_of
from dispatcher.campaigns.states import DRAFT_MOVES, DraftState, sources
from dispatcher.campaigns.submission import Options, Submission
from dispatcher.errors import InvalidCampaign, NotAllowed
from dispatcher.masking import mask

#: rows of the list of one draft
MOST_ROWS: Final = 100_000
#: cells and characters of its list, which is in memory while it is stored
MOST_CELLS: Final = 4_000_000
MOST_CHARACTERS: Final = 100_000_000
#: behind the name of somebody whom no login names: the user of the system, and a token's holder
SYSTEM, TOKEN = " (system user)", " (token)"
#: the options that a draft may have
OPTIONS: Final = frozenset(Options.__annotations__) - {"approved", "at_hand", "stored", "by"}
_DEFAULTS: Final = {one.name: one.default for one in fields(Submission) if one.name in OPTIONS}
_INSTANTS: Final = ("not_before", "not_after")
#: of a plan, what a draft stores: numbers and instants, and no word of anybody's
_PLANNED: Final = (
    *("rows", "kept", "duplicates", "opted_out", "capped", "undecided", "unreachable", "reasons"),
    *("segments", "billed", "cost", "batches", "opens_at", "finishes_about", "late"),
    *("account", "fingerprint", "per_hour"),
)


def draft_sources(target: DraftState) -> list[DraftState]:
    """The states that a move to ``target`` may leave."""
    return sources(DRAFT_MOVES, target)


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A draft as it stands. Instants are UTC.

    ``writers`` is everybody who has saved any of it: nobody of them may approve it. ``plan`` has
    the numbers of its plan. ``decided_by`` has approved it; None where no approval was asked for.
    ``changes`` says what has changed since it was planned; ``campaign`` is the id once submitted.
    """

    id: int
    reference: str
    account: str
    version: int
    state: DraftState
    text: str = field(repr=False)
    options: Mapping[str, Any] = field(repr=False)
    source: str
    rows: int
    columns: tuple[str, ...]
    author: str
    writers: tuple[str, ...]
    created_at: datetime
    changed_at: datetime
    changed_by: str
    plan: Mapping[str, Any] | None = None
    fingerprint: str | None = None
    basis: Mapping[str, str] = field(default_factory=dict, repr=False)
    planned_by: str | None = None
    planned_at: datetime | None = None
    handed_in_by: str | None = None
    handed_in_at: datetime | None = None
    decided_by: str | None = None
    decided_at: datetime | None = None
    refusal: str = ""
    changes: tuple[str, ...] = ()
    campaign: int | None = None

    @property
    def needs_plan(self) -> bool:
        """Whether it has to be planned (again) before it can be handed in or submitted."""
        return self.state is DraftState.DRAFT or bool(self.changes)

    @property
    def named(self) -> tuple[Named, ...]:
        """The other campaigns that it names."""
        return named_in(self.reference, self.options)

    def as_json(self) -> dict[str, Any]:
        """The same as JSON values, without its list."""
        values = asdict(self) | {"options": json.loads(written_options(self.options))}
        del values["basis"]
        return {
            name: value.isoformat() if isinstance(value, datetime) else value
            for name, value in values.items()
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftRow:
    """A row of a draft's list, and the text that it would get.

    ``position`` counts from 1, ``row`` is the line of the file. ``problem`` says why it gets no
    message, as far as the row alone shows; ``text`` is empty then.
    """

    position: int
    row: int | None
    phone: str = field(repr=False)
    fields: Mapping[str, str] = field(repr=False)
    territory: str | None
    key: str | None = field(repr=False)
    text: str = field(default="", repr=False)
    segments: int = 0
    problem: str = ""

    @property
    def shown(self) -> str:
        """The number with most of its digits hidden."""
        return mask(self.phone)


# -- options


def checked_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options that differ from their defaults. Raises InvalidCampaign for any other name."""
    if unknown := sorted(set(options) - OPTIONS):
        raise InvalidCampaign(f"a draft has no option {unknown[0]!r}: {', '.join(sorted(OPTIONS))}")
    if "tags" in options:
        options = {**options, "tags": tags_of(options["tags"])}
    if "except_campaign" in options:
        options = {**options, "except_campaign": except_of(options["except_campaign"])}
    if smoothing := smoothing_of(options.get("per_hour"), options.get("over")):
        options = {**options, "per_hour": smoothing.per_hour, "over": smoothing.over}
    if (only := options.get("only_campaign")) is not None:  # one spelling, to compare it
        options = {**options, "only_campaign": only_written(only_of(only))}
    return {name: value for name, value in options.items() if value != _DEFAULTS[name]}


def named_in(reference: str, options: Mapping[str, Any]) -> tuple[Named, ...]:
    """The other campaigns that options name. Raises InvalidCampaign."""
    excepted = except_of(options.get("except_campaign", ()))
    return named_of(reference, excepted, options.get("only_campaign"))


def written_options(options: Mapping[str, Any]) -> str:
    """Options as JSON: instants in ISO 8601, in UTC."""
    plain = {
        name: value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value
        for name, value in options.items()
    }
    return stored_json(plain)


def stored_json(value: object) -> str:
    """A value as JSON without escapes of letters: an erasure replaces numbers in the text of it."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def read_options(written: str) -> Options:
    """The options that ``written_options`` wrote."""
    options = json.loads(written)
    for name in _INSTANTS:
        if options.get(name):
            options[name] = datetime.fromisoformat(options[name])
    return cast("Options", options)


# -- the plan, and what it rests on


def planned(plan: Plan) -> str:
    """What a draft stores of its plan, as JSON: nothing in it names anybody, or a campaign."""
    values = plan.as_json()
    found = {name: values[name] for name in _PLANNED}
    return json.dumps(found | {"left_out": sum(plan.left_out.values())})


def basis_of(
    submission: Submission, settings: Mapping[str, object], prices: Prices, policy: str
) -> dict[str, str]:
    """What a plan rests on beside text, options and list: name -> value, for people.

    ``settings`` are those that decide about it; ``policy`` is that of the window with its
    calendars, and counts for commercial campaigns.
    """
    basis = {
        f"the setting {name}": "" if value is None else str(value)
        for name, value in settings.items()
    }
    basis |= {f"the price of {place}": f"{euros} €" for place, euros in sorted(prices.items())}
    basis["the sender"] = submission.survey or submission.sender or submission.from_number or ""
    if submission.commercial:
        basis["the window and its calendar"] = policy
    return basis


def changes_between(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[str, ...]:
    """A sentence for each part of a basis that has changed."""
    return tuple(
        f"{name} was {before.get(name) or 'not set'} and is {after.get(name) or 'not set'}"
        for name in sorted({*before, *after})
        # a plan of an earlier version does not name a newer setting, which was not set
        if (before.get(name) or "") != (after.get(name) or "")
    )


# -- who may decide


def check_decider(who: str, writers: Collection[str]) -> None:
    """Raise NotAllowed if ``who`` has written any of a draft, or if no login names that person."""
    if is_token(who):
        raise NotAllowed(
            "a person approves or refuses a draft, and a token names none: sign in, or have the app"
            " say who is signed in"
        )
    if wrote(who, writers):
        raise NotAllowed(
            f"{who} has written in this draft: somebody else approves or refuses it"
            " (its writers take it back)"
        )


def is_token(who: str) -> bool:
    """Whether no login names the person: a program has shown its token."""
    return who.endswith(TOKEN)


def wrote(who: str, writers: Collection[str]) -> bool:
    """Whether the person is one of the writers."""
    return _person(who) in map(_person, writers)


def with_writer(writers: Sequence[str], who: str) -> list[str]:
    """The writers with one more, if the person is a new one."""
    return [*writers] if who in writers else [*writers, who]


def _person(who: str) -> str:
    """The name of a person, however it is written and wherever the person signs in."""
    name = who.removesuffix(SYSTEM).removesuffix(TOKEN)
    return unicodedata.normalize("NFKC", name).casefold().strip()

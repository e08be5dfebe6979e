"""What the JSON API takes and answers about series, as models; drafts' are beside them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, create_model

from dispatcher.campaigns.series import SERIES_OPTIONS
from dispatcher.campaigns.series_approval import MOST_RECIPIENTS
from dispatcher.campaigns.states import Missed, OccurrenceState, SeriesState
from dispatcher.contrib.flask import draft_bodies
from dispatcher.contrib.flask.draft_bodies import LARGEST_VERSION
from dispatcher.contrib.flask.fields import Euros
from dispatcher.contrib.flask.schemas import NewCampaign, Reason

_Seconds = Annotated[int, Field(ge=0, le=31 * 86_400)]
_Version = Annotated[int, Field(ge=1, le=LARGEST_VERSION)]
_Reading = dict[str, str | int | bool | dict[str, str] | None]
_NO_LIMIT: Final = "null: no limit"


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class _Told(_Body):
    """What a person says of a series itself."""

    rule: str | None = Field(
        None, max_length=500, description="an RRULE on the clock of Paris: `FREQ=WEEKLY;…`"
    )
    list_: str | None = Field(
        None,
        alias="list",
        max_length=500,
        description="one of `DISPATCHER_SERIES_LISTS`: a file, or a name in the application",
    )
    text: str | None = Field(None, repr=False, description="may hold `{{ field }}`")
    since: date | None = Field(None, description="the day in Paris from which the rule counts")
    lead: _Seconds | None = Field(
        None, description="how many seconds before its hour an occurrence is made"
    )
    not_after: _Seconds | None = Field(
        None, description="how many seconds after its hour it expires; 0: it never does"
    )
    missed: Missed | None = Field(
        None, description="what becomes of one that no worker made in time"
    )
    reading: _Reading | None = Field(
        None,
        description="how the list is read: `column` of a file, `phone` of rows, …; in a change"
        " what it does not name stays, and null takes one away",
    )


def _options(*but: str) -> dict[str, Any]:
    fields = NewCampaign.model_fields.items()
    wanted = SERIES_OPTIONS - {*but}
    return {name: (field.annotation, field) for name, field in fields if name in wanted}


class SkippedOccurrence(Reason):
    """Which occurrence is skipped, and why."""

    at: AwareDatetime | None = Field(
        None, description="when it begins: if another one is next, none is skipped"
    )


class SeriesCap(_Body):
    """The approval of a series: of this version, up to a cap of each occurrence."""

    version: Annotated[_Version, Field(description="the version that was read")]
    recipients: Annotated[
        Annotated[int, Field(ge=1, le=MOST_RECIPIENTS)] | None, Field(description=_NO_LIMIT)
    ] = None
    euros: Annotated[
        Euros | None,
        Field(
            description="whole euros, or a text: `30.50`; null: no limit, if `recipients` has one"
        ),
    ] = None
    reason: Annotated[str, Field(max_length=500, description="goes on record")] = ""


if TYPE_CHECKING:

    class ChangedSeries(_Told):
        """What of a series changes."""

        version: int | None

    class NewSeries(_Told):
        """A series to set up."""

        name: str

else:
    ChangedSeries = create_model(
        "ChangedSeries",
        __base__=_Told,
        __doc__="What of a series changes from its next occurrence on, and options of its"
        " campaigns; the rest stays.",
        version=(
            _Version | None,
            Field(None, description="the version that this was made from, if it may be no other"),
        ),
        **_options("account"),
    )
    NewSeries = create_model(
        "NewSeries",
        __base__=_Told,
        __doc__="A series to set up; its other members are options of each campaign.",
        name=(Annotated[str, Field(min_length=1, max_length=80)], ...),
        rule=(Annotated[str, Field(max_length=500)], ...),
        list_=(Annotated[str, Field(max_length=500)], Field(..., alias="list")),
        **_options(),
    )


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")


class SeriesApproval(_Answer):
    """Who has approved a series, when, and up to how much of each occurrence."""

    by: str
    at: AwareDatetime
    recipients: Annotated[int | None, Field(description=_NO_LIMIT)]
    euros: Annotated[str | None, Field(pattern=r"^[0-9]+\.[0-9]{2}$", description=_NO_LIMIT)]


class Series(_Answer):
    """A series as it stands."""

    id: Annotated[int, Field(ge=1)]
    name: str
    account: Annotated[str, Field(description="the account that sends; empty: the default one")]
    version: Annotated[int, Field(ge=1)]
    state: SeriesState
    rule: str
    since: date
    text: str
    options: Annotated[dict[str, Any], Field(description="those that are not the default")]
    list: str
    reading: dict[str, Any]
    lead: Annotated[int, Field(ge=0, description="seconds")]
    not_after: Annotated[int | None, Field(description="seconds after its hour; null: never")]
    missed: Missed
    author: str
    writers: Annotated[Sequence[str], Field(description="nobody of them may approve an occurrence")]
    created_at: AwareDatetime
    changed_at: AwareDatetime
    changed_by: str
    next_at: AwareDatetime | None
    problem: Annotated[str, Field(description="why the next one could not be made yet")]
    problem_at: AwareDatetime | None
    approval: Annotated[SeriesApproval | None, Field(description="null: each one needs its own")]


class Occurrence(_Answer):
    """What became of an occurrence."""

    at: AwareDatetime
    reference: str
    state: OccurrenceState
    decided_at: AwareDatetime
    late: bool
    reason: Annotated[str, Field(description="why it was skipped, or needs an approval of its own")]
    campaign: Annotated[int | None, Field(description="the campaign that it is")]


class Coming(_Answer):
    """An occurrence to come."""

    at: AwareDatetime
    closed: Annotated[str, Field(description="the closed day that it is on; empty: an open day")]


class ShownSeries(Series):
    """A series, its last occurrences, and those to come."""

    occurrences: Sequence[Occurrence]
    coming: Sequence[Coming]


class AllSeries(_Answer):
    """The series, by their next occurrence."""

    series: list[Series]


class SeriesPlan(_Answer):
    """What the next occurrence would do with the list as it is now."""

    plan: Annotated[dict[str, Any], Field(description="its numbers and instants; it names nobody")]


#: the bodies and answers that are described
BODIES: tuple[type[BaseModel], ...] = (
    *draft_bodies.BODIES,
    *(NewSeries, ChangedSeries, SkippedOccurrence, SeriesCap),
)
ANSWERS: tuple[type[BaseModel], ...] = (
    *draft_bodies.ANSWERS,
    *(SeriesApproval, Series, ShownSeries, AllSeries, SeriesPlan),
)

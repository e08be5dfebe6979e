"""What the JSON API takes and answers about drafts, as models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, create_model

from dispatcher.campaigns.states import DraftState
from dispatcher.contrib.flask.answers import Rejected
from dispatcher.contrib.flask.schemas import NewCampaign, Reason

LARGEST_VERSION = 2**31 - 1
_Version = Annotated[
    int, Field(ge=1, le=LARGEST_VERSION, description="the version that this was made from")
]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class Version(_Body):
    """The version of a draft that something is done to."""

    version: _Version


class Approval(_Body):
    """The approval of a draft: of exactly this plan."""

    fingerprint: Annotated[
        str, Field(pattern=r"^[0-9a-f]{64}$", description="that of the plan that was read")
    ]
    reason: Annotated[str, Field(max_length=500, description="goes on record")] = ""


if TYPE_CHECKING:

    class ChangedDraft(NewCampaign):
        """All of a draft, in place of what it has."""

        version: int

else:
    ChangedDraft = create_model(
        "ChangedDraft",
        __base__=_Body,
        __doc__="All of a draft, in place of what it has.",
        version=(_Version, ...),
        **{
            name: (field.annotation, field)
            for name, field in NewCampaign.model_fields.items()
            if name != "reference"
        },
    )

#: the bodies that are described
BODIES: tuple[type[BaseModel], ...] = (NewCampaign, ChangedDraft, Version, Approval, Reason)


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Draft(_Answer):
    """A draft as it stands."""

    id: Annotated[int, Field(ge=1)]
    reference: str
    account: Annotated[str, Field(description="the account that sends; empty: the default one")]
    version: Annotated[int, Field(ge=1, description="to be given back with a change")]
    state: DraftState
    text: str
    options: Annotated[dict[str, Any], Field(description="those that are not the default")]
    source: Annotated[str, Field(description="the name of the file of its list")]
    rows: Annotated[int, Field(ge=0, description="of its list")]
    columns: list[str]
    author: str
    writers: Annotated[list[str], Field(description="nobody of them may approve it")]
    created_at: AwareDatetime
    changed_at: AwareDatetime
    changed_by: str
    plan: Annotated[dict[str, Any] | None, Field(description="the numbers of its plan")]
    fingerprint: Annotated[str | None, Field(description="of its plan; null: plan it first")]
    planned_by: str | None
    planned_at: AwareDatetime | None
    handed_in_by: str | None
    handed_in_at: AwareDatetime | None
    decided_by: Annotated[str | None, Field(description="who approved or refused it")]
    decided_at: AwareDatetime | None
    refusal: Annotated[str, Field(description="why it was refused; empty: it was not")]
    changes: Annotated[list[str], Field(description="what has changed since it was planned")]
    campaign: Annotated[int | None, Field(description="the campaign that it has become")]


class PlannedDraft(Draft):
    """A draft that was planned, and what to look at."""

    warnings: Annotated[
        list[str], Field(description="what a person should know; may hold values of the list")
    ]


class Drafts(_Answer):
    """The drafts, the one that was changed last first."""

    drafts: list[Draft]


class RejectedRows(_Answer):
    """The rows of a draft's list that get no message."""

    rejected: list[Rejected]


#: the answers that are described
ANSWERS: tuple[type[BaseModel], ...] = (Draft, PlannedDraft, Drafts, RejectedRows)

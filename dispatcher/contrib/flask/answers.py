"""What the JSON API answers, as models: the OpenAPI description is made from them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, create_model

from dispatcher.campaigns.spend import By
from dispatcher.campaigns.states import BatchState, CampaignState, MessageState
from dispatcher.recipients.phones import REASONS
from dispatcher.recipients.recipient import MOST_REJECTED

_Count = Annotated[int, Field(ge=0)]
_Euros = Annotated[str, Field(pattern=r"^[0-9]+\.[0-9]{3}$")]


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")


def _counts(name: str, *fields: str) -> type[_Answer]:
    definitions: dict[str, Any] = dict.fromkeys(fields, (_Count, ...))
    return create_model(name, __base__=_Answer, **definitions)


if TYPE_CHECKING:
    Messages = _Answer
    Batches = _Answer
else:
    Messages = _counts("Messages", "in_doubt", *map(str, MessageState))
    Batches = _counts("Batches", *map(str, BatchState))


class Progress(_Answer):
    """The state of a campaign and of its recipients."""

    id: Annotated[int, Field(ge=1)]
    reference: str
    state: CampaignState
    recipients: Annotated[_Count, Field(description="the sum of `messages`")]
    messages: Messages
    batches: Batches
    in_doubt: Annotated[_Count, Field(description="batches that may have left or not")]
    waits_until: AwareDatetime | None
    why: Annotated[str, Field(description="what it waits for, if it waits")]
    cost: Annotated[_Euros, Field(description="euros")]
    rows: _Count
    duplicates: _Count
    unusable: _Count
    capped: Annotated[_Count, Field(description="rejected: they have had as many as a week allows")]
    planned: Annotated[
        _Euros | None, Field(description="euros that were planned for the messages in `cost`")
    ]
    untold: Annotated[_Count, Field(description="sent at a cost that the gateway did not tell")]
    untold_planned: Annotated[
        _Euros | None, Field(description="euros that were planned for the messages in `untold`")
    ]
    account: Annotated[str, Field(description="the account that sends; empty: the default one")]
    cause: Annotated[str, Field(description="the cause in `why` for programs; empty: none")]
    tags: Annotated[list[str], Field(description="your words for it, in order")]
    left_out_by: Annotated[
        dict[str, _Count], Field(description="left out, by the campaign because of which")
    ]
    unreachable: Annotated[
        _Count, Field(description="rejected: their last messages were not delivered")
    ]
    per_hour: Annotated[
        int | None, Field(description="about how many leave in an hour; null: it is not smoothed")
    ]


class Rejected(_Answer):
    """A row that no message will be sent to."""

    code: Annotated[str, Field(description=f"for programs: {', '.join(sorted(REASONS))}, …")]
    detail: Annotated[str, Field(description="what is wrong, and what to do")]
    row: Annotated[int, Field(ge=1, description="its position in the list, from 1")]
    column: Annotated[str | None, Field(description="the field at fault, if it is known")]
    value: Annotated[str, Field(description="what stands for its number, most digits hidden")]


class Submitted(Progress):
    """The state of a campaign, the rows that were rejected, and what to look at."""

    rejected: Annotated[
        list[Rejected],
        Field(
            description=f"the first {MOST_REJECTED:,}; `unusable` counts all",
        ),
    ]
    warnings: Annotated[
        list[str], Field(description="what a person should know, without values of the list")
    ]


class List(_Answer):
    """A page of campaigns, and how many there are in all."""

    campaigns: list[Progress]
    total: _Count


_Exact = Annotated[
    str, Field(pattern=r"^-?[0-9]+\.[0-9]{4}$", description="euros to a ten-thousandth")
]


class Numbers(_Answer):
    """Four figures: `planned` + `difference` = `reserved` + `charged`."""

    planned: Annotated[int, Field(description="what was submitted, by its plan")]
    reserved: Annotated[int, Field(description="what may still be charged")]
    charged: Annotated[int, Field(description="what the gateway named a cost for")]
    difference: Annotated[int, Field(description="`reserved` and `charged` less `planned`")]


class Amounts(_Answer):
    """The same in euros; what was charged where no price was set is in no difference."""

    planned: _Exact
    reserved: _Exact
    charged: _Exact
    difference: _Exact


class SpendRow(_Answer):
    """What some campaigns cost."""

    name: Annotated[str, Field(description="empty: the default account, no tag, or a total")]
    campaigns: _Count
    messages: Numbers
    segments: Numbers
    euros: Amounts
    untold: Annotated[_Count, Field(description="of the reserved, sent at an unknown cost")]
    unpriced: Annotated[_Count, Field(description="planned where no price was set")]
    unplanned: Annotated[_Exact, Field(description="charged for these")]


class Spend(_Answer):
    """What campaigns cost: `total` counts each once, test messages are in `tests` alone."""

    by: By
    from_: Annotated[AwareDatetime | None, Field(alias="from")]
    to: Annotated[AwareDatetime | None, Field(description="until before this instant")]
    rows: list[SpendRow]
    total: SpendRow
    tests: SpendRow
    several_tags: Annotated[_Count, Field(description="campaigns that are in several rows")]


class Problem(_Answer):
    """An error, as in RFC 9457."""

    type: str
    title: str
    status: int
    code: Annotated[str, Field(description="for programs: reference_taken, illegal_move, …")]
    detail: Annotated[str, Field(description="one sentence for people")]
    row: Annotated[
        int | None, Field(description="the recipient at fault, from 1, if it is one of them")
    ]
    rejected: Annotated[
        list[Rejected], Field(description="the first rows that were rejected, if any were")
    ] = []

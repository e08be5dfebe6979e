"""Fields and queries of the JSON API whose values the library judges, and its security."""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import Field

from dispatcher.campaigns.amounts import MOST_EUROS
from dispatcher.campaigns.campaign_tags import MOST, PATTERN
from dispatcher.campaigns.others import MOST as OTHERS
from dispatcher.campaigns.smoothing import MOST_AN_HOUR, MOST_SECONDS

#: described here, and checked by ``campaign_tags``, whose sentences say what to write instead
Tags = Annotated[
    list[Annotated[str, Field(json_schema_extra={"pattern": PATTERN})]],
    Field(
        description="words of yours, such as `shop-lyon`, to list and to add up by; submitting"
        " again with others changes nothing",
        json_schema_extra={"maxItems": MOST},
    ),
]
ExceptCampaign = Annotated[
    list[Annotated[str, Field(min_length=1, max_length=200)]],
    Field(
        max_length=OTHERS,
        description="references of campaigns submitted before: whoever one of them texts, has"
        " texted or may have texted is left out",
    ),
]
OnlyCampaign = Annotated[
    str | None,
    Field(
        min_length=1,
        max_length=220,
        description="the reference of a campaign submitted before: only whom it has texted is"
        " texted; with `:delivered`, `:undelivered` or `:silent` behind it only those of them",
    ),
]

#: of the caller; the library judges how much may be given
Euros = (
    Annotated[int, Field(ge=1, le=int(MOST_EUROS))]
    | Annotated[str, Field(pattern=r"^[0-9]{1,8}([.,][0-9]{1,2})?$")]
)
HandOver = Annotated[
    bool, Field(description="the gateway holds it until `not_before`, which is needed then")
]
PerHour = Annotated[
    int | None,
    Field(
        ge=1,
        le=MOST_AN_HOUR,
        description="smoothing: at most so many messages leave in an hour, evenly over opening"
        " hours",
    ),
]
Over = Annotated[
    int | None,
    Field(
        ge=60,
        le=MOST_SECONDS,
        description="smoothing: all messages leave evenly over so many seconds of opening hours,"
        " in the place of `per_hour`",
    ),
]


def query(name: str, description: str, schema: dict[str, Any]) -> dict[str, Any]:
    """A parameter of a query in the description."""
    return {"name": name, "in": "query", "description": description, "schema": schema}


#: what a list of campaigns may be asked with
TAG_QUERY: Final = query(
    "tag",
    "only those with this campaign tag, or with one of these",
    {"type": "array", "items": {"type": "string", "pattern": PATTERN}},
)
NUMBERS_QUERY: Final = query(
    "numbers", "true: whole numbers, which goes on record", {"type": "boolean"}
)
#: how a request is let in
SECURITY: Final[dict[str, Any]] = {
    "token": {
        "type": "http",
        "scheme": "bearer",
        "description": "the value of the setting DISPATCHER_WEB_TOKEN",
    }
}

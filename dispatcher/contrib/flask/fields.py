"""Fields of the bodies of the JSON API whose values the library judges."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from dispatcher.campaigns.campaign_tags import MOST, PATTERN

#: described here, and checked by ``campaign_tags``, whose sentences say what to write instead
Tags = Annotated[
    list[Annotated[str, Field(json_schema_extra={"pattern": PATTERN})]],
    Field(
        description="words of yours, such as `shop-lyon`, to list and to add up by; submitting"
        " again with others changes nothing",
        json_schema_extra={"maxItems": MOST},
    ),
]

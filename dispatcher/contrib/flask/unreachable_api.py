"""Unreachable numbers in the JSON API: listed, and lifted by a person's word."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Final

from flask import Blueprint, Response, current_app, jsonify
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from dispatcher.contrib.flask.fields import NUMBERS_QUERY, query
from dispatcher.contrib.flask.library import library_of
from dispatcher.contrib.flask.routes import route, wants_numbers, whole_number
from dispatcher.contrib.flask.schemas import Reason, read
from dispatcher.masking import masked

_ACTOR: Final = "JSON API"
_MOST_LISTED: Final = 200
_LAST: Final = 2**31 - 1
#: what the list may be asked with
UNREACHABLE_QUERY: Final = [
    query("limit", "the most to list", {"type": "integer", "minimum": 1, "maximum": _MOST_LISTED}),
    query("offset", "how many to pass over", {"type": "integer", "minimum": 0, "maximum": _LAST}),
    NUMBERS_QUERY,
]


class Lifting(Reason):
    """A person's word that a number arrives."""

    phone: str = Field(max_length=100, repr=False, description="the number, in any spelling")
    reason: str = Field(
        min_length=1,
        max_length=500,
        description="how it is known; goes on record",
        json_schema_extra={"pattern": r"\S"},
    )


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")


class UndeliveredReport(_Answer):
    """A message that was not delivered."""

    campaign: Annotated[str, Field(description="the campaign's reference")]
    left_at: AwareDatetime
    reported_at: Annotated[
        AwareDatetime | None, Field(description="null: an earlier version took the report in")
    ]


class LiftedNumber(_Answer):
    """A person's word about a number."""

    at: AwareDatetime
    actor: str
    reason: str


class UnreachableNumber(_Answer):
    """A number that commercial campaigns do not text, and why."""

    phone: Annotated[str, Field(description="masked unless `numbers` is true")]
    unreachable: bool
    reports: Annotated[list[UndeliveredReport], Field(description="in a row, the newest first")]
    replied_at: AwareDatetime | None
    lift: Annotated[LiftedNumber | None, Field(description="an earlier one")]


class UnreachableNumbers(_Answer):
    """A page of them, in the order of numbers, and how many there are in all."""

    numbers: list[UnreachableNumber]
    total: Annotated[int, Field(ge=0)]


class Lifted(_Answer):
    """What became of it."""

    lifted: Annotated[bool, Field(description="false: it was not unreachable, and nothing changed")]


LIFT_ANSWERS: Final[tuple[type[BaseModel], ...]] = (UnreachableNumbers, Lifted)


def route_unreachable(blueprint: Blueprint, body_limit: int) -> None:
    """Add the paths of unreachable numbers."""

    def lift_unreachable() -> Response:
        body = read(Lifting, body_limit)
        service = library_of(current_app).unreachable
        return jsonify(lifted=service.lift(body.phone, reason=body.reason, by=_ACTOR))

    route(blueprint, "/unreachable", GET=unreachable)
    route(blueprint, "/unreachable/lift", POST=lift_unreachable)


def unreachable() -> Response:
    """The list; its name is the ``operationId`` in the description."""
    library = library_of(current_app)
    offset = whole_number("offset", 0, 0, _LAST)
    page = library.unreachable.page(offset, whole_number("limit", 50, 1, _MOST_LISTED))
    whole = wants_numbers()
    if whole:
        library.record.note("see numbers", reason="of unreachable numbers", by=_ACTOR)
    show = str if whole else masked
    return jsonify(numbers=[one.as_json(show(one.phone)) for one in page], total=page.total)


def unreachable_paths(
    operation: Callable[..., dict[str, Any]], reference: Callable[[str], dict[str, Any]]
) -> dict[str, Any]:
    """The paths in the description of the API."""
    return {
        "/unreachable": {
            "get": operation(
                "unreachable", "List the numbers that never arrive, in the order of numbers",
                reference("UnreachableNumbers"), 422, parameters=UNREACHABLE_QUERY,
                tag="unreachable",
            )
        },
        "/unreachable/lift": {
            "post": operation(
                "lift_unreachable", "Text a number again: no message that has left by now counts",
                reference("Lifted"), 400, 415, 422, body="Lifting", tag="unreachable",
            )
        },
    }  # fmt: skip

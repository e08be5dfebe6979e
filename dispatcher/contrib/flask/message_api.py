"""What messages have come to, in the JSON API: in pages, to go on from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Final

from flask import Blueprint, Response, current_app, jsonify, request
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from dispatcher.campaigns.message_changes import MOST, USUAL
from dispatcher.campaigns.results import STATES
from dispatcher.contrib.flask.fields import query
from dispatcher.contrib.flask.library import library_of
from dispatcher.contrib.flask.routes import route, whole_number

_LAST: Final = 2**63 - 1
#: what it may be asked with
MESSAGES_QUERY: Final = [
    query(
        "after",
        "the `cursor` of the page before; without it from the first change on",
        {"type": "integer", "minimum": 0, "maximum": _LAST},
    ),
    query("limit", "the most changes", {"type": "integer", "minimum": 1, "maximum": MOST}),
    query("account", "only those of campaigns that go through this account", {"type": "string"}),
]
_Number = Annotated[int, Field(ge=0)]


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")


class MessageChange(_Answer):
    """The state that a message has come to."""

    number: Annotated[int, Field(ge=1, description="grows; in order for each message")]
    campaign: Annotated[str, Field(description="the campaign's reference")]
    campaign_id: Annotated[int, Field(ge=1)]
    batch: Annotated[int, Field(ge=1, description="of the campaign, as in results")]
    position: Annotated[_Number, Field(description="in the batch, from 0, as in results")]
    key: Annotated[str | None, Field(description="yours for the person; null after an erasure")]
    phone: Annotated[str, Field(description="masked, or the pseudonym of an erased person")]
    state: Annotated[str, Field(json_schema_extra={"enum": [*STATES]})]
    at: AwareDatetime


class MessageChanges(_Answer):
    """Some changes in order, and what to go on from."""

    changes: list[MessageChange]
    cursor: Annotated[_Number, Field(description="give it as `after` for what comes next")]
    missed: Annotated[_Number, Field(description="how many behind `after` retention has deleted")]
    recorded: Annotated[
        bool, Field(description="false: no worker records changes, and nothing new comes")
    ]


MESSAGE_ANSWERS: Final[tuple[type[BaseModel], ...]] = (MessageChanges,)


def route_messages(blueprint: Blueprint) -> None:
    """Add the path of changes of messages."""
    route(blueprint, "/messages", GET=messages)


def messages() -> Response:
    """A page; its name is the ``operationId`` in the description."""
    library = library_of(current_app)
    if "account" in request.args:
        library = library.for_account(request.args["account"])
    after, limit = whole_number("after", 0, 0, _LAST), whole_number("limit", USUAL, 1, MOST)
    found = library.message_changes(after, limit=limit)
    return jsonify(found.as_json() | {"recorded": found.recorded})


def message_paths(
    operation: Callable[..., dict[str, Any]], reference: Callable[[str], dict[str, Any]]
) -> dict[str, Any]:
    """The path in the description of the API."""
    return {
        "/messages": {
            "get": operation(
                "messages", "What messages have come to, in order, from a cursor on",
                reference("MessageChanges"), 422, parameters=MESSAGES_QUERY,
            )
        },
    }  # fmt: skip

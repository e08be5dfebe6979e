"""The bodies that the JSON API takes, as models; they are validated once."""

from __future__ import annotations

from http import HTTPStatus
from typing import Literal, TypeVar, cast

from flask import request
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError
from werkzeug.exceptions import BadRequest, UnsupportedMediaType

from dispatcher.campaigns.submission import PRIORITIES, Options
from dispatcher.contrib.flask.auth import too_large
from dispatcher.contrib.flask.problems import Problem
from dispatcher.window.territories import TERRITORIES

_Read = TypeVar("_Read", bound=BaseModel)
_JSON = "application/json"
_Cell = str | int | float | bool | None


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class NewCampaign(_Body):
    """A campaign to submit; the same again is the same campaign."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "reference": "soldes-2027",
                    "text": "Bonjour {{ prenom }}, les soldes commencent samedi !",
                    "recipients": [{"mobile": "06 39 98 00 01", "prenom": "Zoé"}],
                    "sender": "MaBoutique",
                }
            ]
        }
    )

    reference: str = Field(
        min_length=1,
        max_length=200,
        description="your own name for it; a different campaign under it is refused",
    )
    text: str = Field(
        "",
        min_length=1,
        repr=False,
        description="may hold `{{ field }}` of the recipients; left out for a survey only",
    )
    recipients: list[str | dict[str, _Cell]] = Field(
        min_length=1,
        repr=False,
        description="numbers, or objects with one field for the number (`mobile`, `telephone`, …);"
        " `territory` overrides the territory",
    )
    account: str | None = Field(
        None, description="the account it goes through, of DISPATCHER_ACCOUNTS"
    )
    sender: str | None = Field(
        None, description="3 to 11 letters or digits; by default DISPATCHER_SENDER"
    )
    from_number: str | None = Field(
        None,
        repr=False,
        description="a long number of the account, like `+33 7 …`, in place of a sender;"
        " by default DISPATCHER_FROM_NUMBER",
    )
    survey: str | None = Field(
        None,
        pattern=r"^[!-~]{1,64}$",
        description="a survey of the gateway's dashboard, in place of a text and a sender",
    )
    not_before: AwareDatetime | None = Field(None, description="nothing leaves before this instant")
    not_after: AwareDatetime | None = Field(None, description="what has not left by then expires")
    commercial: bool = Field(
        True, description="false (an alert) skips the window and the STOP mention"
    )
    territory: Literal[tuple(TERRITORIES)] | None = Field(  # type: ignore[valid-type]
        None, description="the territory whose clock and holidays count for every number"
    )
    priority: Literal[tuple(PRIORITIES)] = Field(  # type: ignore[valid-type]
        "normal", description="campaigns of higher priority leave first"
    )
    hand_over: bool = Field(
        False, description="the gateway holds it until `not_before`, which is needed then"
    )
    strict: bool = Field(False, description="refuse the campaign if one recipient is rejected")
    check_numbers: bool = Field(
        False,
        description="ask the gateway about the numbers first, a call for 500 of them; one that"
        " does not answer stops nothing",
    )

    def options(self, *, by: str) -> Options:
        """The options for ``Dispatcher.submit``; ``by`` is who submits."""
        options = self.model_dump(exclude={"reference", "text", "recipients"})
        return cast("Options", options | {"by": by})


class Reason(_Body):
    """Why something is done, for the record."""

    reason: str = Field(
        "by hand",
        min_length=1,
        max_length=1000,
        description="goes on record",
        json_schema_extra={"pattern": r"\S"},
    )


def read(model: type[_Read], limit: int, *, default: _Read | None = None) -> _Read:
    """The body of the request; ``default`` if it is empty.

    Raises RequestEntityTooLarge above ``limit`` bytes, UnsupportedMediaType, BadRequest, and
    Problem (422) for a body that does not match ``model``.
    """
    # a body sent in chunks does not say how long it is
    body = request.stream.read(limit + 1)
    if len(body) > limit:
        raise too_large(limit)
    if not body and default is not None:
        return default
    if request.mimetype != _JSON:
        raise UnsupportedMediaType(f"the Content-Type must be {_JSON}")
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        if first["type"] == "json_invalid":
            raise BadRequest("the body is not JSON") from None
        raise Problem(
            HTTPStatus.UNPROCESSABLE_ENTITY, "unusable_input", _sentence(model, first)
        ) from None


def _sentence(model: type[BaseModel], first: object) -> str:
    """What is wrong and where, without field names that the caller chose: they may hold numbers."""
    assert isinstance(first, dict)  # noqa: S101 - for the type checker
    if first["loc"][:1] == ("recipients",) and len(first["loc"]) > 1:
        position = first["loc"][1] + 1
        return f"recipient {position}: expected a number, or an object of text and numbers"
    where = [
        str(part) for part in first["loc"] if isinstance(part, int) or part in model.model_fields
    ]
    message = f"{first['msg'][:1].lower()}{first['msg'][1:]}"
    return f"{'.'.join(where) or 'the body'}: {message}"

"""The bodies that the JSON API takes, as models; they are validated once."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Annotated, Any, Literal, TypeVar, cast

from flask import request
from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    FailFast,
    Field,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from pydantic_core import from_json
from werkzeug.exceptions import BadRequest, UnsupportedMediaType

from dispatcher.campaigns.submission import PRIORITIES, Options
from dispatcher.contrib.flask import fields
from dispatcher.contrib.flask.auth import too_large
from dispatcher.contrib.flask.problems import Problem, unknown
from dispatcher.window.territories import TERRITORIES

_Read = TypeVar("_Read", bound=BaseModel)
_JSON = "application/json"
_Cell = str | int | float | bool | None
#: the context in which a recipient that cannot be used is an error of the whole body
_STRICT = "strict"
#: bounds on a body of any shape, so that garbage takes neither memory nor time: commas, members of
#: one object, and lists (the only one is that of the recipients)
_MOST_VALUES, _MOST_MEMBERS, _MOST_LISTS = 2**21, 1000, 1000
#: bytes in which the first thing that is wrong is looked for, and bytes of a body with a reason
_HEAD, _SMALL = 1 << 16, 1 << 16
_strings = re.compile(rb'"[^"]*"')
_wide = re.compile(rb"\{(?:[^{}:]*:){%d}" % (_MOST_MEMBERS + 1)).search
_leaves = re.compile(rb"\{[^{}]*\}|\[[^\[\]{}]*\]")


def _any_row(value: Any, check: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:
    """A recipient; one that cannot be used is passed on, to be rejected alone."""
    try:
        return check(value)
    except ValidationError:
        if info.context == _STRICT:
            raise
        return value


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
        repr=False,
        description="may hold `{{ field }}` of the recipients; left out for a survey only",
    )
    recipients: Annotated[
        list[Annotated[str | dict[str, _Cell], WrapValidator(_any_row)]], FailFast()
    ] = Field(
        min_length=1,
        repr=False,
        description="numbers, or objects with one field for the number (`mobile`, `telephone`, …);"
        " `territory` overrides the territory, `key` is what you know the person by,"
        " and `last_contact` the date of the last contact",
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
        True,
        description="false (an alert) skips the window and the STOP mention, and needs a `reason`",
    )
    reason: str = Field("", max_length=500, description="why it is not commercial; goes on record")
    consent: str | None = Field(
        None,
        pattern=r"^(ask|column:.+)$",
        max_length=500,
        description="`ask`: before each batch leaves, the application is asked who consents"
        " (`DISPATCHER_CONSENT`). `column:NAME`, perhaps with `,source:NAME,wording:NAME`: members"
        " of each recipient; who has no date there is rejected",
    )
    territory: Literal[tuple(TERRITORIES)] | None = Field(  # type: ignore[valid-type]
        None, description="the territory whose clock and holidays count for every number"
    )
    priority: Literal[tuple(PRIORITIES)] = Field(  # type: ignore[valid-type]
        "normal", description="campaigns of higher priority leave first"
    )
    hand_over: fields.HandOver = False
    per_hour: fields.PerHour = None
    over: fields.Over = None
    except_campaign: fields.ExceptCampaign = []
    only_campaign: fields.OnlyCampaign = None
    tags: fields.Tags = []
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
        max_length=500,
        description="goes on record",
        json_schema_extra={"pattern": r"\S"},
    )


def read(model: type[_Read], limit: int, *, default: _Read | None = None) -> _Read:
    """The body of the request; ``default`` if it is empty.

    Raises RequestEntityTooLarge above ``limit`` bytes, UnsupportedMediaType, BadRequest, and
    Problem (422) for a body that does not match ``model``.
    """
    if "recipients" not in model.model_fields:
        limit = min(limit, _SMALL)
    # a body sent in chunks does not say how long it is
    body = request.stream.read(limit + 1)
    if len(body) > limit:
        raise too_large(limit)
    if not body and default is not None:
        return default
    if request.mimetype != _JSON:
        raise UnsupportedMediaType(f"the Content-Type must be {_JSON}")
    _check_shape(model, body)
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        raise problem_of(model, error) from None


def _check_shape(model: type[BaseModel], body: bytes) -> None:
    """Raise Problem (422) or BadRequest for a body with too many values, members or lists.

    They are counted before anything is made of them: 16 MB of ``[]`` are gigabytes.
    """
    most = f"more than {_MOST_VALUES:,} values; submit larger lists in Python"
    # of commas in texts there are never so many
    if body.count(b",") > _MOST_VALUES or body.count(b'"') > 4 * _MOST_VALUES:
        raise _first_fault(model, body) or _unusable(f"the body: {most}")
    plain = body.replace(b"\\\\", b"").replace(b'\\"', b"")
    signs = _strings.sub(b"", plain)
    if signs.count(b"[") > _MOST_LISTS:
        raise _first_fault(model, body) or _unusable("the body: lists within lists")
    if _wide(signs) or _leaves.sub(b"", signs).count(b":") > _MOST_MEMBERS:
        raise _unusable(f"the body: an object of more than {_MOST_MEMBERS:,} members")


def _first_fault(model: type[BaseModel], body: bytes) -> Problem | None:
    """What is wrong with the first recipients; None if it is something else."""
    try:
        model.model_validate(from_json(body[:_HEAD], allow_partial=True), context=_STRICT)
    except ValidationError as error:
        found = [
            one for one in _errors(error) if one["loc"][:1] == ("recipients",) and one["loc"][1:]
        ]
        return _unlike(model, found[0]) if found else None
    except ValueError:
        raise BadRequest("the body is not JSON") from None
    return None


def _errors(error: ValidationError) -> list[dict[str, Any]]:
    return cast(
        "list[dict[str, Any]]",
        error.errors(include_url=False, include_context=False, include_input=False),
    )


def _unusable(sentence: str, *, row: int | None = None) -> Problem:
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "unusable_input", sentence, row=row)


def problem_of(model: type[BaseModel], error: ValidationError) -> Exception:
    """The answer to a body that does not match: a misspelt field first, which explains others."""
    found = _errors(error)
    for one in found:
        if one["type"] == "extra_forbidden":
            return unknown("field", str(one["loc"][-1]), model.model_fields)
    first = found[0]
    if first["type"] == "json_invalid":
        # where, and what the reader expected: nothing of the body
        return BadRequest(f"the body is not JSON: {first['msg'].removeprefix('Invalid JSON: ')}")
    return _unlike(model, first)


def _unlike(model: type[BaseModel], first: dict[str, Any]) -> Problem:
    """What is wrong and where, without field names that the caller chose: they may hold numbers."""
    if first["loc"][:1] == ("recipients",) and len(first["loc"]) > 1:
        row = first["loc"][1] + 1
        says = f"recipient {row}: expected a number, or an object of text and numbers"
        return _unusable(says, row=row)
    known = model.model_fields
    where = [str(part) for part in first["loc"] if isinstance(part, int) or part in known]
    message = f"{first['msg'][:1].lower()}{first['msg'][1:]}"
    return _unusable(f"{'.'.join(where) or 'the body'}: {message}")

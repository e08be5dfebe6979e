"""Accounts at the gateway: what each may have of its own, and how a setting names it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    field_validator,
)

from dispatcher.errors import InvalidCampaign
from dispatcher.recipients.senders import check_from_number, check_sender

#: the name of the default account, whose key is ``DISPATCHER_API_KEY``
DEFAULT = ""
_NAME = re.compile(r"[a-z][a-z0-9]{0,19}")
#: ``DISPATCHER_API_KEY_FILE`` names a file
_RESERVED = "file"

Euros = Annotated[Decimal, Field(gt=0, le=10**9, decimal_places=2)]


class Own(BaseModel):
    """What an account may have of its own; what it does not set is that of all.

    But for the key: an account without one cannot be used.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        validate_default=True,
        allow_inf_nan=False,
        str_strip_whitespace=True,
    )

    api_key: SecretStr | None = Field(None, description="SMS Partner key; a secret, never printed")
    sender: str | None = Field(
        None, description="sender of campaigns that name none, 3–11 letters or digits"
    )
    from_number: str | None = Field(
        None,
        description="long number of campaigns that name none and no sender, like `+33 7 …`: one"
        " call for each person",
    )
    unicode: bool = Field(
        True,
        description="off where the gateway has not enabled Unicode (emoji, other alphabets): a text"
        " that needs it is refused",
    )
    rate: float | None = Field(
        None,
        gt=0,
        le=1000,
        description="most sends a second over all workers; unset: no limit",
    )
    doubt_limit: int = Field(
        5, ge=1, description="with this many batches in doubt nothing new is armed"
    )
    campaign_recipients: int | None = Field(
        None, ge=1, description="most recipients of one campaign; unset: no cap"
    )
    campaign_euros: Euros | None = Field(
        None, description="most euros of one campaign, at `prices` and as the gateway answers"
    )
    daily_recipients: int | None = Field(
        None, ge=1, description="most messages of one day in Paris; the rest waits for the next"
    )
    daily_euros: Euros | None = Field(
        None, description="most euros of one day in Paris; the rest waits for the next"
    )

    @field_validator("sender")
    @classmethod
    def _sender(cls, sender: str | None) -> str | None:
        try:
            return check_sender(sender)
        except InvalidCampaign as error:
            raise ValueError(str(error).removeprefix("the sender ")) from None

    @field_validator("from_number")
    @classmethod
    def _from_number(cls, number: str | None) -> str | None:
        try:
            return check_from_number(number)
        except InvalidCampaign as error:
            raise ValueError(str(error).removeprefix("the long number ")) from None

    @field_validator("api_key", mode="before")
    @classmethod
    def _bare_key(cls, value: object) -> object:
        return value.strip() if isinstance(value, str) else value


def _mapped(value: object) -> object:
    """Names as accounts that have nothing of their own."""
    if isinstance(value, str):
        value = [part.strip() for part in value.split(",")]
    if isinstance(value, list | tuple):
        if len(set(value)) < len(value):
            raise ValueError("a name is given twice")
        value = {name: {} for name in value}
    for name in value if isinstance(value, Mapping) else ():
        # it is not repeated: a key pasted in the wrong place would be printed
        if not isinstance(name, str) or not _NAME.fullmatch(name) or name == _RESERVED:
            raise ValueError(
                "a name is 1 to 20 lower-case letters and digits, a letter first, and not file"
            )
    return value


#: account name -> what it has of its own
Accounts = Annotated[dict[str, Own], BeforeValidator(_mapped)]


def split(setting: str) -> tuple[str, str] | None:
    """``rate_shop`` as ``("rate", "shop")``; None for what no account may have of its own."""
    field, _, name = setting.rpartition("_")
    return (field, name) if field in Own.model_fields else None


def named(accounts: object) -> list[str]:
    """The names that a setting ``accounts`` gives, as text, a list or a mapping."""
    if isinstance(accounts, str):
        return [part.strip() for part in accounts.split(",")]
    return [str(name) for name in accounts] if isinstance(accounts, Iterable) else []


def gathered(values: Mapping[str, Any]) -> dict[str, Any]:
    """Plain values of which those of an account (``rate_shop``) are under ``accounts``."""
    names = named(values.get("accounts"))
    rest: dict[str, Any] = {}
    own: dict[str, dict[str, Any]] = {name: {} for name in names}
    for setting, value in values.items():
        match split(setting):
            case (field, name) if name in own:
                own[name][field] = value
            case _:
                rest[setting] = value
    if any(own.values()) and len(own) == len(names):
        given = rest["accounts"] if isinstance(rest["accounts"], Mapping) else {}
        rest["accounts"] = {name: _plain(given.get(name)) | own[name] for name in names}
    return rest


def _plain(own: object) -> dict[str, Any]:
    if isinstance(own, Own):
        return {field: getattr(own, field) for field in own.model_fields_set}
    return dict(own) if isinstance(own, Mapping) else {}


def unknown(name: str, names: Iterable[str]) -> InvalidCampaign:
    """What to raise for an account that nobody has named; ``names`` are those that are known."""
    # what cannot be a name is not repeated: it may be a key, or a number
    said = f"account {name!r}" if _NAME.fullmatch(name) else "such account"
    known = ", ".join(names)
    if not known:
        return InvalidCampaign(f"there is no {said}: DISPATCHER_ACCOUNTS names none")
    return InvalidCampaign(f"there is no {said}: there are {known}, and the default account")

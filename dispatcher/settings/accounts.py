"""Accounts at the gateway: the settings of each, and the variables that name them."""

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


class AccountSettings(BaseModel):
    """The settings that an account can have of its own.

    It shares all that it does not set, except the key: an account without a key cannot be used.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        validate_default=True,
        allow_inf_nan=False,
    )

    api_key: SecretStr | None = Field(None, description="SMS Partner key; a secret, never printed")
    sender: str | None = Field(
        None, description="sender of campaigns that name none: 3 to 11 letters or digits"
    )
    from_number: str | None = Field(
        None,
        description="long number of campaigns that name no sender and no number, like `+33 7 …`;"
        " each person then takes one call",
    )
    unicode: bool = Field(
        True,
        description="off if SMS Partner has not enabled Unicode (emoji, other alphabets): a text"
        " that needs it is refused",
    )
    rate: float | None = Field(
        None,
        gt=0,
        le=1000,
        description="at most this many sends a second over all workers; unset: no limit",
    )
    doubt_limit: int = Field(
        5, ge=1, description="with this many batches in doubt no further batch is sent"
    )
    campaign_recipients: int | None = Field(
        None, ge=1, description="cap of recipients of one campaign; unset: no cap"
    )
    campaign_euros: Euros | None = Field(
        None,
        description="cap of euros of one campaign, by `prices` and by the answers of the gateway",
    )
    daily_recipients: int | None = Field(
        None,
        ge=1,
        description="cap of messages of one day in Paris; further batches wait for the next day",
    )
    daily_euros: Euros | None = Field(
        None, description="cap of euros of one day in Paris; further batches wait for the next day"
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

    @field_validator("*", mode="before")
    @classmethod
    def _stripped(cls, value: object) -> object:
        return value.strip() if isinstance(value, str) else value


def _mapped(value: object) -> object:
    """Accounts from a list of names, without settings of their own."""
    if isinstance(value, str):
        value = [part.strip() for part in value.split(",")]
    if isinstance(value, list | tuple):
        if len(set(value)) < len(value):
            raise ValueError("a name is given twice")
        value = {name: {} for name in value}
    for name in value if isinstance(value, Mapping) else ():
        # the value is not repeated: a key pasted in the wrong place would be printed
        if not isinstance(name, str) or not _NAME.fullmatch(name) or name == _RESERVED:
            raise ValueError(
                "a name is 1 to 20 lower-case letters and digits, a letter first, and not file"
            )
    return value


#: account name -> the settings of its own
Accounts = Annotated[dict[str, AccountSettings], BeforeValidator(_mapped)]


def split_account(setting: str) -> tuple[str, str] | None:
    """``rate_shop`` as ``("rate", "shop")``; None if no account can set that itself."""
    field, _, name = setting.rpartition("_")
    return (field, name) if field in AccountSettings.model_fields else None


def account_names(accounts: object) -> list[str]:
    """The names in a value of the setting ``accounts``: a text, a list or a mapping."""
    if isinstance(accounts, str):
        return [part.strip() for part in accounts.split(",")]
    return [str(name) for name in accounts] if isinstance(accounts, Iterable) else []


def by_account(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values with those of an account (``rate_shop``) moved under ``accounts``."""
    names = account_names(values.get("accounts"))
    rest: dict[str, Any] = {}
    own: dict[str, dict[str, Any]] = {name: {} for name in names}
    for setting, value in values.items():
        match split_account(setting):
            case (field, name) if name in own:
                own[name][field] = value
            case _:
                rest[setting] = value
    if any(own.values()) and len(own) == len(names):
        accounts = rest["accounts"] if isinstance(rest["accounts"], Mapping) else {}
        rest["accounts"] = {name: _plain(accounts.get(name)) | own[name] for name in names}
    return rest


def _plain(own: object) -> dict[str, Any]:
    if isinstance(own, AccountSettings):
        return {field: getattr(own, field) for field in own.model_fields_set}
    return dict(own) if isinstance(own, Mapping) else {}


def unknown(name: str, names: Iterable[str]) -> InvalidCampaign:
    """The error for an account that no setting names; ``names`` are those that exist."""
    # the value is repeated only if it can be a name: it may be a key, or a number
    account = f"account {name!r}" if _NAME.fullmatch(name) else "such account"
    known = ", ".join(names)
    if not known:
        return InvalidCampaign(f"there is no {account}: DISPATCHER_ACCOUNTS names none")
    return InvalidCampaign(f"there is no {account}: there are {known}, and the default account")

"""Accounts under the account: each has its own key and credit."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, Literal

from dispatcher.errors import GatewayError, InvalidRequest
from dispatcher.gateway.smspartner import fields
from dispatcher.gateway.smspartner.wire.answer import Parse, done, first, objects, success
from dispatcher.gateway.smspartner.wire.requests import Base

Kind = Literal["simple", "advanced"]
_EMAIL: Final = re.compile(r"[^@\s]{1,64}@[^@\s]{1,190}")


@dataclass(frozen=True, slots=True)
class SubAccount:
    """One sub-account. ``token`` names it in the other calls; ``key`` is its API key."""

    email: str = field(repr=False)
    token: str = field(repr=False)
    key: str = field(default="", repr=False)
    id: str | None = None
    kind: str = ""
    balance: Decimal | None = None
    currency: str = ""
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Transfer:
    """Credit after it was moved: what the account has left, and the sub-account has now."""

    credit: Decimal
    subaccount_credit: Decimal
    currency: str = ""


def create_body(
    email: str,
    base: Base,
    *,
    kind: Kind,
    buyer: bool,
    credit: Decimal | None,
    names: tuple[str, str],
) -> bytes:
    """The body of ``POST /subaccount/create``. Raises InvalidRequest."""
    if kind not in ("simple", "advanced"):
        raise InvalidRequest("a sub-account is simple or advanced")
    if not _EMAIL.fullmatch(email):
        raise InvalidRequest("a sub-account needs an e-mail address")
    parameters: dict[str, object] = {"email": email, "isBuyer": int(buyer)}
    if credit is not None:
        parameters["creditToAttribute"] = _amount(credit)
    first_name, last_name = names
    if first_name:
        parameters["firstname"] = first_name
    if last_name:
        parameters["lastname"] = last_name
    return fields.encode({**base, "type": kind, "parameters": parameters})


def credit_body(token: str, credit: Decimal, base: Base) -> bytes:
    """The body of ``POST /subaccount/credit/add`` and ``/remove``. Raises InvalidRequest."""
    return fields.encode({**base, "credit": _amount(credit), "tokenSubaccount": token})


def _amount(credit: Decimal) -> float:
    if not credit.is_finite() or credit <= 0 or credit != round(credit, 3):
        raise InvalidRequest("an amount is more than 0, with at most 3 decimals")
    return float(credit)


def read_created(status: int, body: bytes, parse: Parse = fields.json_object) -> SubAccount:
    """The answer of ``POST /subaccount/create``, whose key the list tells. Raises GatewayError."""
    found = done(status, body, parse, code=False).get("subaccount")
    account = _account(found) if isinstance(found, dict) else None
    if account is None:
        raise GatewayError("the gateway answered without the sub-account")
    return account


def read_page(
    status: int, body: bytes, parse: Parse = fields.json_object
) -> tuple[tuple[SubAccount, ...], int]:
    """One page of ``GET /subaccount/list`` and how many there are in all.

    Its documented answer has no ``success``; only a refusal is believed to be one. Raises
    GatewayError, also for a sub-account that cannot be read.
    """
    answer = success(status, body, lambda raw: _as_success(parse(raw)))
    accounts = tuple(_account(entry) for entry in objects(answer, "data"))
    if "data" not in answer or None in accounts:
        raise GatewayError("the gateway answered with a sub-account that cannot be read")
    total = fields.integer(answer.get("total"))
    known = tuple(account for account in accounts if account is not None)
    return known, len(known) if total is None else total


def _as_success(answer: dict[str, Any] | None) -> dict[str, Any] | None:
    return answer if answer is None else {"success": True, **answer}


def read_transfer(status: int, body: bytes, parse: Parse = fields.json_object) -> Transfer:
    """The answer to credit that was added or removed.

    Raises GatewayError: a plain one says that the credit may have been moved.
    """
    answer = done(status, body, parse, code=False)
    credit = fields.decimal(first(answer, "credit", "total"))
    theirs = fields.decimal(answer.get("subaccountCredit"))
    if credit is None or theirs is None:
        raise GatewayError("the gateway answered without the credits")
    return Transfer(credit, theirs, fields.text(answer.get("currency"), 3))


def _account(entry: Mapping[str, Any]) -> SubAccount | None:
    email, token = fields.text(entry.get("email")), fields.text(entry.get("token"))
    if not token:
        return None
    credit = entry.get("credits")
    credit = credit if isinstance(credit, dict) else {}
    return SubAccount(
        email,
        token,
        key=fields.text(entry.get("apiKey")),
        id=fields.identifier(entry.get("id")),
        kind=fields.text(entry.get("type")),
        balance=fields.decimal(first(credit, "balance", "solde")),
        currency=fields.text(credit.get("currency"), 3),
        created_at=fields.instant(entry.get("createdAt")),
    )


def read_removed(status: int, body: bytes, parse: Parse = fields.json_object) -> None:
    """The answer of ``DELETE /subaccount/remove``. Raises GatewayError."""
    done(status, body, parse, code=False)

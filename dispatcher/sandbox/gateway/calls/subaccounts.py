"""The calls about accounts under an account."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, Final

from dispatcher.sandbox.gateway.send_options import PARIS
from dispatcher.sandbox.gateway.state import Refused, State

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dispatcher.sandbox.gateway.state import SubAccount

PAGE: Final = 20


def create(state: State, body: Mapping[str, Any]) -> dict[str, Any]:
    """Make one; raises ``Refused``."""
    parameters = body.get("parameters")
    parameters = parameters if isinstance(parameters, dict) else {}
    email, kind = parameters.get("email"), body.get("type")
    if kind not in ("simple", "advanced"):
        raise Refused(3, "Type invalide")
    if not isinstance(email, str) or "@" not in email:
        raise Refused(9, "Email invalide")
    if any(one.email == email for one in state.subaccounts.values()):
        raise Refused(5, "Email déjà utilisé")
    credit = _credit(parameters.get("creditToAttribute", 0))
    if credit > state.account.credit:
        raise Refused(11)
    state.account.debit(credit)
    made = state.opened(email, kind, credit=credit)
    return {
        "success": True,
        "code": 200,
        "subaccount": {"email": email, "token": made.token},
        "sendConfirmMailTo": email,
        "parent_email": "sandbox@example.org",
    }


def listed(state: State, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """One page; it has neither success nor code."""
    raw = str(parameters.get("page", 1))
    page = max(int(raw), 1) if raw.isdecimal() else 1
    everyone = list(state.subaccounts.values())
    return {
        "total": len(everyone),
        "nb_per_page": PAGE,
        "page": page,
        "data": [_line(one) for one in everyone[(page - 1) * PAGE : page * PAGE]],
    }


def _line(one: SubAccount) -> dict[str, Any]:
    return {
        "id": one.id,
        "email": one.email,
        "type": one.kind,
        "token": one.token,
        "apiKey": one.state.key,
        "createdAt": datetime.fromtimestamp(int(one.created_at), PARIS).isoformat(),
        "credits": {"balance": f"{one.state.account.credit:.3f}", "currency": "EUR"},
    }


def remove(state: State, body: Mapping[str, Any]) -> dict[str, Any]:
    """Remove one, whose credit comes back; raises ``Refused``."""
    gone = state.subaccounts.pop(str(body.get("token")), None)
    if gone is None:
        raise Refused(404, "Sous-compte introuvable")
    state.account.credit += gone.state.account.credit
    return {"success": True, "code": 200}


def add_credit(state: State, body: Mapping[str, Any]) -> dict[str, Any]:
    """Move credit to one; raises ``Refused``."""
    return _move(state, body, sign=1)


def remove_credit(state: State, body: Mapping[str, Any]) -> dict[str, Any]:
    """Take credit back from one; raises ``Refused``."""
    return _move(state, body, sign=-1)


def _move(state: State, body: Mapping[str, Any], *, sign: int) -> dict[str, Any]:
    one = state.subaccounts.get(str(body.get("tokenSubaccount")))
    if one is None:
        raise Refused(404, "Sous-compte introuvable")
    credit = _credit(body.get("credit"))
    theirs = one.state.account
    giver = state.account if sign > 0 else theirs
    if credit <= 0 or credit > giver.credit:
        raise Refused(11)
    state.account.credit -= sign * credit
    theirs.credit += sign * credit
    return {
        "success": True,
        "code": 200,
        "credit": float(state.account.credit),
        "subaccountCredit": float(theirs.credit),
        "currency": "EUR",
    }


def _credit(raw: object) -> Decimal:
    try:
        credit = Decimal(str(raw))
    except InvalidOperation:
        raise Refused(9, "Crédit invalide") from None
    if not credit.is_finite() or credit < 0:
        raise Refused(9, "Crédit invalide")
    return credit

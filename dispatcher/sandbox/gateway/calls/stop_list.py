"""The calls of the STOP list."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from dispatcher.sandbox.gateway.numbers import e164
from dispatcher.sandbox.gateway.send_options import PARIS
from dispatcher.sandbox.gateway.state import Refused, State


def listed(state: State, parameters: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ARG001
    """The whole list."""
    data = [
        {
            "id": stop_id,
            "phoneNumber": phone,
            "createdAt": datetime.fromtimestamp(at, PARIS).strftime("%Y-%m-%d %H:%M:%S"),
        }
        for stop_id, phone, at in state.account.stops()
    ]
    return {"success": True, "code": 200, "nbData": len(data), "data": data}


def add(state: State, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Add one number; the parameter has two documented names. Raises Refused."""
    raw = parameters.get("phoneNumber") or parameters.get("phoneNumbers")
    if not raw:
        raise Refused(2)
    phone = e164(raw)
    if phone is None:
        raise Refused(9)
    stop_id = state.account.add_stop(phone, at=state.clock())
    if stop_id is None:
        raise Refused(3, "Numéro déjà dans la liste STOP")
    return {"success": True, "code": 200, "stopId": stop_id}


def delete(state: State, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Remove an entry by its id. Raises Refused."""
    stop_id = parameters.get("id")
    if not stop_id:
        raise Refused(3, "Paramètre id manquant")
    if not state.account.remove_stop(str(stop_id)):
        raise Refused(4, "STOP introuvable")
    return {"success": True, "code": 200}

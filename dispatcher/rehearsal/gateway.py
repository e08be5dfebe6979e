"""The fake SMS Partner in this process: no socket, the clock of a rehearsal, its faults."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any, Final
from urllib.parse import urlencode

from dispatcher.errors import GatewayError, GatewayUnreached
from dispatcher.gateway.protocol import Unless
from dispatcher.gateway.smspartner import fields
from dispatcher.gateway.smspartner.client import SmsPartner
from dispatcher.gateway.smspartner.transport import Answer, Call, Transport
from dispatcher.rehearsal.clock import DrivenClock
from dispatcher.sandbox.gateway import corruption
from dispatcher.sandbox.gateway.behaviour import Behaviour
from dispatcher.sandbox.gateway.http_server import Request
from dispatcher.sandbox.gateway.ledger import Ledger
from dispatcher.sandbox.gateway.routes import SENDS, Gateway
from dispatcher.sandbox.gateway.state import State

#: nobody can connect to it
_NOWHERE: Final = "http://rehearsal.invalid/v1"
_ENDLESS: Final = Decimal(1_000_000)
_UNREACHABLE, _BUSY = timedelta(hours=1), timedelta(minutes=10)
#: seconds that the gateway asks to wait, and that a slow send takes
_WAIT, _SLOW = "120", 20.0
#: one send in so many is lost
_LOST: Final = 10
_BLOCKED: Final = 30


class Trouble:
    """What goes wrong with the calls of a rehearsal, by the names of its faults."""

    def __init__(
        self, faults: Collection[str], clock: DrivenClock, begins: datetime | None, calls: int
    ) -> None:
        """``begins`` is the first planned departure, ``calls`` how many sends the plan has."""
        self._faults, self._clock = faults, clock
        self._begins = begins or clock()
        self._half = max(calls // 2, 1)
        self._sends = 0

    def check_reached(self) -> None:
        """Raise GatewayUnreached if nothing can be sent now."""
        if "unreachable" in self._faults and self._within(_UNREACHABLE):
            raise GatewayUnreached("the gateway cannot be reached")

    def before(self, *, sends: bool) -> tuple[int, dict[str, str], bytes] | None:
        """The answer in the gateway's place, if any. Raises GatewayError for a lost request."""
        if not sends:
            return None
        self._sends += 1
        if "busy" in self._faults and self._within(_BUSY):
            return 429, {"Retry-After": _WAIT}, b""
        if "blocked" in self._faults and self._sends > self._half:
            return 400, {}, fields.encode(corruption.error(_BLOCKED, "A"))
        if "lost-requests" in self._faults and self._sends % _LOST == 1:
            raise GatewayError("the connection was cut")
        return None

    def after(self, *, sends: bool) -> None:
        """Let time pass, or lose the answer: raises GatewayError."""
        if sends and "slow" in self._faults:
            self._clock.forward(_SLOW)
        if sends and "lost-answers" in self._faults and self._sends % _LOST == 1:
            raise GatewayError("the connection was cut")

    def _within(self, duration: timedelta) -> bool:
        return self._begins <= self._clock() < self._begins + duration


class InProcess(Transport):
    """Hands each call of one account to the fake gateway; its thread is the caller's."""

    def __init__(self, key: str, gateway: Gateway, trouble: Trouble) -> None:
        super().__init__(_NOWHERE, key)
        self._gateway, self._trouble = gateway, trouble
        self._calls = 0

    def connect(self) -> None:
        """Raise GatewayUnreached if a fault says so."""
        self._trouble.check_reached()

    def _call(
        self,
        call: Call,
        method: str,
        path: str,
        *,
        data: bytes | None = None,
        params: dict[str, Any] | None = None,
        unless: Unless = None,
    ) -> Answer:
        self._trouble.check_reached()
        if unless is not None and (reason := unless()):
            raise GatewayError(reason)
        call.touched = True
        sends = path in SENDS
        self._calls += 1
        if (instead := self._trouble.before(sends=sends)) is not None:
            return Answer(*instead, fields.json_object)
        request = Request(method, f"/v1{path}", urlencode(params or {}), {}, data or b"")
        response = self._gateway.answer(request, number=self._calls).response()
        self._trouble.after(sends=sends)
        return Answer(response.status, dict(response.headers), response.body, fields.json_object)


class FakePartner:
    """The fake gateway of a rehearsal, with the accounts of the installation."""

    def __init__(
        self, ledger: Path, clock: DrivenClock, accounts: Sequence[str], switches: dict[str, Any]
    ) -> None:
        self.ledger = Ledger(ledger)
        self._keys = {account: f"rehearsal-{account}" for account in accounts}
        behaviour = Behaviour().changed({"credit": _ENDLESS, **switches})
        first, *others = self._keys.values()
        self._state = State(first, clock.epoch, self.ledger, behaviour)
        for key in others:
            self._state.set_account(key, credit=_ENDLESS)

    def client(self, account: str, trouble: Trouble) -> SmsPartner:
        """What the steps of an account call."""
        key = self._keys[account]
        transport = InProcess(key, Gateway(self._state), trouble)
        return SmsPartner(_NOWHERE, key, transport=transport)

    def stop(self, account: str, phones: Sequence[str]) -> None:
        """Put numbers (E.164) on the STOP list of an account."""
        state = self._of(account)
        state.account.replace_stops(phones, at=state.clock())

    def refuse(self, phones: Sequence[str]) -> None:
        """Refuse these numbers (E.164): no price."""
        self._state.configure({"no_price": tuple(phones)})

    def pay_for(self, account: str, segments: int) -> None:
        """Let the credit of an account pay for so many segments."""
        state = self._of(account)
        state.account.credit = state.behaviour.price * segments

    def _of(self, account: str) -> State:
        state = self._state.of_key(self._keys[account])
        assert state is not None  # noqa: S101 - for the type checker
        return state


def tenth(phones: Sequence[str], seed: int, of: str) -> list[str]:
    """One number in ten (at least one), by the seed."""
    luck = Random(f"{seed} {of}")  # noqa: S311 - repeatable
    return luck.sample(phones, max(1, len(phones) // 10))

"""The options of a whole send: sender, tag, schedule, and the hours in which it may leave."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from dispatcher.sandbox.gateway.state import Refused, invalid_fields

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dispatcher.sandbox.gateway.behaviour import Behaviour
    from dispatcher.window import CommercialWindow

PARIS = ZoneInfo("Europe/Paris")

_sender = re.compile(r"[A-Za-z0-9 ]{3,11}").fullmatch
_tag = re.compile(r"[a-z0-9]{1,20}").fullmatch
_date = re.compile(r"[0-9]{2}/[0-9]{2}/[0-9]{4}").fullmatch


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedOptions:
    """The checked fields of a send; ``leaves_at`` is an epoch second."""

    sender: str
    tag: str
    leaves_at: float
    scheduled: bool
    stop_mention: bool
    unicode: bool
    sandbox: bool
    reports_to: str
    replies_to: str


def read_options(
    body: Mapping[str, Any],
    behaviour: Behaviour,
    *,
    now: float,
    urls: bool = True,
    long_number: str = "",
) -> ReceivedOptions:
    """The options in a body. Raises Refused.

    Without ``urls`` only the addresses of the account count. A ``long_number`` replaces the
    sender.
    """
    tag = _read_tag(body, behaviour)
    sender = long_number or _read_sender(body, behaviour)
    schedule = _read_schedule(body, behaviour, now=now)
    return ReceivedOptions(
        sender=sender,
        tag=tag,
        leaves_at=_in_hours(now if schedule is None else schedule, behaviour),
        scheduled=schedule is not None,
        stop_mention=_flag(body, "isStopSms"),
        unicode=_flag(body, "isUnicode") and behaviour.unicode_enabled,
        sandbox=_flag(body, "sandbox"),
        reports_to=(_url(body, "urlDlr") if urls else "") or behaviour.account_reports_to,
        replies_to=(_url(body, "urlResponse") if urls else "") or behaviour.account_replies_to,
    )


def _url(body: Mapping[str, Any], name: str) -> str:
    url = body.get(name)
    return url if isinstance(url, str) else ""


def _flag(body: Mapping[str, Any], name: str) -> bool:
    return body.get(name) in (1, "1", True)


def _read_tag(body: Mapping[str, Any], behaviour: Behaviour) -> str:
    tag = body.get("tag") or ""
    if tag and not (isinstance(tag, str) and _tag(tag)):
        message = "Le tag a 20 caractères au plus, en minuscules et sans espace"
        raise invalid_fields([("tag", message)], key=behaviour.error_key)
    return str(tag)


def _read_sender(body: Mapping[str, Any], behaviour: Behaviour) -> str:
    sender = body.get("sender") or ""
    if sender and not (isinstance(sender, str) and _sender(sender)):
        raise Refused(44)
    if sender in behaviour.blocked_senders:
        raise Refused(992)
    return str(sender)


def _read_schedule(body: Mapping[str, Any], behaviour: Behaviour, *, now: float) -> float | None:
    day, hour, minute = (body.get(name) for name in ("scheduledDeliveryDate", "time", "minute"))
    if day is None and hour is None and minute is None:
        return None
    if day is None:
        raise Refused(45)
    missing = [
        (name, f"Le champ {name} est obligatoire avec une date")
        for name, value in (("time", hour), ("minute", minute))
        if value is None
    ]
    if missing:
        raise invalid_fields(missing, key=behaviour.error_key)
    if not (str(hour).isdecimal() and int(str(hour)) <= 24):
        raise Refused(46)
    if not (str(minute).isdecimal() and int(str(minute)) <= 59):
        raise Refused(47)
    if int(str(minute)) % 5:
        raise Refused(48)
    at = _instant(str(day), int(str(hour)), int(str(minute)))
    if at < now:
        message = f"La date ({day} à {hour}:{minute}) est antérieure à la date actuelle"
        raise invalid_fields([("scheduledDeliveryDate", message)], key=behaviour.error_key)
    return at


def _instant(day: str, hour: int, minute: int) -> float:
    if not _date(day):
        raise Refused(49)
    try:
        date = datetime.strptime(day, "%d/%m/%Y").replace(tzinfo=PARIS)
    except ValueError:
        raise Refused(49) from None
    # hour 24 is undocumented; here it is the midnight at the end of the day
    later = date.date() + timedelta(days=hour // 24)
    return datetime.combine(later, time(hour % 24, minute), PARIS).timestamp()


@cache
def _window() -> CommercialWindow:
    # loading its calendars is slow, and most sandboxes ignore the hours
    from dispatcher.window import CommercialWindow

    return CommercialWindow()


def _in_hours(leaves_at: float, behaviour: Behaviour) -> float:
    if behaviour.marketing_window == "ignore":
        return leaves_at
    at = datetime.fromtimestamp(leaves_at, UTC)
    if _window().is_open(at):
        return leaves_at
    if behaviour.marketing_window == "pause":
        return _window().next_open(at).timestamp()
    noon = datetime.combine(at.astimezone(PARIS).date(), time(12), PARIS)
    raise Refused(22 if _window().is_open(noon) else 23)

"""Senders: the name that a message shows, or the long number that people can reply to."""

from __future__ import annotations

import re
from datetime import date
from typing import Final

from dispatcher.errors import InvalidCampaign, InvalidPhone
from dispatcher.recipients.phones import normalise

_SENDER: Final = re.compile(r"[A-Za-z0-9]{3,11}")
#: since when operators refuse senders of digits alone, and block or overwrite generic words
#: (AF2M, lists in part public)
OPERATORS_RULE: Final = date(2025, 3, 10)
_GENERIC: Final = frozenset(
    (
        *("alert", "alerte", "bank", "banque", "colis", "info", "infos", "livraison", "notice"),
        *("paiement", "parcel", "payment", "rdv", "sms", "verif", "verify"),
    )
)
_separators: Final = re.compile(r"[\s./()_-]+")
#: a number of E.164 with its country code
_international: Final = re.compile(r"(?:\+|00)?([1-9][0-9]{7,14})").fullmatch
#: ranges that are not mobile, but valid for a sender
_OTHER_RANGES: Final = {"landline", "voip", "m2m_or_unassigned"}


def check_sender(sender: str | None) -> str | None:
    """``sender`` itself; None (or empty) lets the gateway use its short code.

    Raises InvalidCampaign unless it is 3 to 11 letters or digits (the gateway's code 44), or if it
    is digits alone (``OPERATORS_RULE``).
    """
    if not sender:
        return None
    if not _SENDER.fullmatch(sender):
        # the value is not repeated: a key pasted in the wrong place would be printed
        raise InvalidCampaign("the sender is not 3 to 11 letters or digits without accents")
    if sender.isdigit():
        raise InvalidCampaign(
            f"the sender is digits alone, which operators refuse since {OPERATORS_RULE:%Y-%m-%d}"
        )
    return sender


def sender_warning(sender: str | None) -> str:
    """What operators may do to a generic sender; empty for any other."""
    if sender is None or sender.lower() not in _GENERIC:
        return ""
    return (
        f"operators may block or overwrite the generic sender {sender}"
        f" (rule of {OPERATORS_RULE:%Y-%m-%d}): use your own name"
    )


def check_from_number(number: str | None) -> str | None:
    """The long number in E.164; None (or empty) when there is none. Raises InvalidCampaign."""
    if not number or not number.strip():
        return None
    try:
        return long_number(number)
    except InvalidPhone:
        raise InvalidCampaign("the long number is not one like +33 6 39 98 00 01") from None


def long_number(raw: str) -> str:
    """The E.164 form of a number to send from: a mobile, or any range if written with +.

    SMS Partner offers mobile numbers; ARCEP assigns other ranges to programs. Raises InvalidPhone.
    """
    try:
        return normalise(raw)
    except InvalidPhone as error:
        number = _international(_separators.sub("", raw))
        if number is None or error.reason not in _OTHER_RANGES:
            raise
    return f"+{number[1]}"

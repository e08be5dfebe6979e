"""The numbers in a list of opt-outs: of a row, all that can be texted."""

from __future__ import annotations

from dataclasses import dataclass

from dispatcher.campaigns.left_out import reason_of
from dispatcher.errors import InvalidCampaign, InvalidPhone
from dispatcher.recipients import Recipient, Rejection
from dispatcher.recipients.legible import numbers_in
from dispatcher.recipients.local_numbers import normalise_in
from dispatcher.recipients.reasons import UNKNOWN_TERRITORY
from dispatcher.window.territories import find

#: these get no SMS, whoever has them: beside a number that does, nothing is wrong with them
_NEVER_TEXTED = frozenset({"empty", "landline", "special_rate", "voip", "short_code"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportResult:
    """What became of a list: its rows, and the numbers in them."""

    rows: int
    #: numbers
    new: int
    #: numbers on the opt-out list before, or twice in the file
    known: int
    #: rows without a number that can be texted, or with something that may be one more
    rejected: int


def opted_out_in(recipient: Recipient, territory: str | None) -> tuple[set[str], Rejection | None]:
    """The numbers (E.164) of a row, and its rejection if it may have more than these.

    ``territory`` is that of rows without one of their own. A row whose territory nobody knows is
    read without it, and rejected.
    """
    rejection, there = None, ""
    try:
        named = recipient.territory or territory
        there = find(named).name if named else ""
    except InvalidCampaign as error:
        rejection = recipient.rejected(str(error), code=UNKNOWN_TERRITORY)
    found, reasons = set[str](), list[str]()
    for cell in recipient.numbers or (recipient.phone,):
        try:
            found |= _numbers(cell, there)
        except InvalidPhone as error:
            reasons.append(reason_of(cell, error))
            if error.reason not in _NEVER_TEXTED and any(map(str.isdecimal, cell)):
                rejection = rejection or recipient.rejected(reasons[-1])
    if not found and rejection is None:
        filled = [reason for reason in reasons if reason != "empty"]
        rejection = recipient.rejected(recipient.fault or (filled or reasons)[0])
    return found, rejection


def _numbers(cell: str, territory: str) -> set[str]:
    """The numbers in a cell, if it is sure which they are. Raises InvalidPhone."""
    try:
        return {normalise_in(cell, territory)}
    except InvalidPhone as error:
        found = set[str]()
        for part in numbers_in(cell):
            try:
                found.add(normalise_in(part, territory))
            except InvalidPhone as other:
                if other.reason not in _NEVER_TEXTED:
                    raise error from None
        if not found:
            raise
        return found

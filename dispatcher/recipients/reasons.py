"""Why a row gets no message: codes for programs, and for each a sentence with what to do."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

TOO_MANY_CELLS = "too_many_cells"
HIDDEN_ROW = "hidden_row"
MISQUOTED = "misquoted"
NO_NUMBER = "no_number"
NOT_A_RECIPIENT = "not_a_recipient"
SEVERAL_NUMBERS = "several_numbers"
MISSING_FIELD = "missing_field"
UNUSABLE_TEXT = "unusable_text"
UNKNOWN_TERRITORY = "unknown_territory"
NEVER_OPEN = "never_open"
UNUSABLE_KEY = "unusable_key"
NO_CONSENT = "no_consent"

EXPLANATIONS: Mapping[str, str] = MappingProxyType(
    {
        "empty": "there is no number: give one",
        "not_a_number": "this is no phone number: write its digits",
        "multiple_or_garbage": "it has signs that no number has: leave its digits alone",
        "spreadsheet_float": "a spreadsheet rounded it: format the column as text, type it again",
        "too_short": "digits are missing: a French mobile number has ten",
        "too_long": "it has too many digits: a French mobile number has ten",
        "ambiguous_no_country": "it has no 0 and no country: write + and the country code first",
        "landline": "a landline gets no SMS: give a mobile number",
        "special_rate": "a special-rate number gets no SMS: give a mobile number",
        "voip": "an internet line gets no SMS: give a mobile number",
        "short_code": "a short number gets no SMS: give a mobile number",
        "m2m_or_unassigned": "nobody has this number, or a machine: ask for another",
        SEVERAL_NUMBERS: "it holds several numbers: give each its own row, or leave one, a mobile",
        TOO_MANY_CELLS: "the row has more cells than the header: put quotes around the cell that"
        " holds the separator",
        MISQUOTED: "there is text after a closing quote: write each quote in a quoted cell twice",
        HIDDEN_ROW: "the row is hidden or filtered out in its sheet: show it, or give --hidden",
        NO_NUMBER: "it has no number: call its field “mobile” or “telephone”",
        NOT_A_RECIPIENT: "it is no recipient: give the number as text, or a dict with a “mobile”",
        "invalid_at_gateway": "the gateway says that this is no number: ask for another",
        "out_of_service": "the number was out of service when checked: ask for another",
        "several_fields": "several fields may be the number: call one “mobile”",
        UNUSABLE_KEY: "its key is no text or whole number of at most 200 legible characters, or a"
        " spreadsheet rounded it: correct it, or leave it empty",
        NO_CONSENT: "the column of consents has no readable date, or one in the future: write"
        " the day of the consent, such as 2026-05-03 or 03/05/2026",
        "unusable_value": "a field is a list, bytes or the like: give text, a number or a date",
    }
)


def with_explanation(reason: str) -> str:
    """A code with its sentence in brackets; a sentence as it is."""
    return f"{reason} ({EXPLANATIONS[reason]})" if reason in EXPLANATIONS else reason

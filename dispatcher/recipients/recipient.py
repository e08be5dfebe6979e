"""Recipients as the caller passes them: a raw number, its fields, and its row.

Nothing is checked here: ``dispatcher.recipients.phones`` checks numbers,
``dispatcher.window.territories`` checks territories.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from dispatcher.recipients.column_names import (
    every_phone,
    key_column,
    last_contact_column,
    phones_of,
    territory_column,
)
from dispatcher.recipients.keys import Key
from dispatcher.recipients.local_numbers import mobile_of
from dispatcher.recipients.reasons import EXPLANATIONS, NO_NUMBER, NOT_A_RECIPIENT
from dispatcher.recipients.values import text_of

#: rejections that an answer lists; a longer list helps nobody and fills the memory
MOST_REJECTED = 10_000
#: characters of a value that are shown
_SHORT = 30


@dataclass(frozen=True, slots=True, init=False)
class Recipient:
    """One person to text, not checked yet. Its repr shows neither number nor fields.

    ``phone`` is spelled as in the source. ``fields`` holds the columns by name. ``row`` is the
    physical line on which the record starts (the header counts), or the position in the
    caller's own list, from 1. ``raw`` is the unchanged row. ``fault`` is why the row gets no
    message whatever its number is, one of ``reasons.EXPLANATIONS``. ``key`` is what the caller
    knows the person by: stored as text of at most 200 characters, and given back with results.
    ``last_contact`` is when the person last gave a sign of life, as text or a date. ``numbers``
    are all that the source has for this person, where there are several: of these, ``phone`` is
    the one to text, unless the territory makes another one a mobile.
    """

    phone: str = field(repr=False)
    fields: Mapping[str, str] = field(repr=False, hash=False)
    territory: str | None
    row: int | None
    raw: tuple[str, ...] = field(repr=False, compare=False)
    fault: str | None
    key: Key | None = field(repr=False)
    last_contact: date | str | None = field(repr=False)
    numbers: tuple[str, ...] = field(repr=False, compare=False)

    # sets the slots directly: the usual way of a frozen dataclass takes twice as long, and a
    # file makes a million of these
    def __init__(
        self,
        phone: str,
        fields: Mapping[str, str] | None = None,
        territory: str | None = None,
        row: int | None = None,
        raw: tuple[str, ...] = (),
        fault: str | None = None,
        key: Key | None = None,
        last_contact: date | str | None = None,
        numbers: tuple[str, ...] = (),
    ) -> None:
        _set_phone(self, phone)
        _set_fields(self, {} if fields is None else fields)
        _set_territory(self, territory)
        _set_row(self, row)
        _set_raw(self, raw)
        _set_fault(self, fault)
        _set_key(self, key)
        _set_last_contact(self, last_contact)
        _set_numbers(self, numbers)

    def rejected(
        self, reason: str, *, code: str | None = None, column: str | None = None
    ) -> Rejection:
        """A rejection of this row; a ``reason`` that is a sentence needs a ``code``."""
        return Rejection(
            row=self.row,
            raw=self.raw or self.phone,
            reason=reason,
            column=column,
            code=code or reason,
            value=self.phone,
        )


(
    _set_phone,
    _set_fields,
    _set_territory,
    _set_row,
    _set_raw,
    _set_fault,
    _set_key,
    _set_last_contact,
    _set_numbers,
) = (vars(Recipient)[slot].__set__ for slot in Recipient.__slots__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """A row that gets no message, and why. Its repr does not show the row."""

    row: int | None
    raw: tuple[str, ...] | str = field(repr=False)
    #: a code of ``reasons.EXPLANATIONS``, or a sentence
    reason: str
    #: the column at fault, if there is one
    column: str | None = None
    #: the reason for programs
    code: str = ""
    #: what stands in the place of the number
    value: str = field(default="", repr=False)

    @property
    def detail(self) -> str:
        """What is wrong and what to do, as a sentence."""
        return EXPLANATIONS.get(self.code, self.reason)

    def as_json(self) -> dict[str, Any]:
        """The same as JSON values, without what must not be in a log."""
        return {
            "code": self.code,
            "detail": self.detail,
            "row": self.row,
            "column": self.column,
            "value": self.masked,
        }

    @property
    def masked(self) -> str:
        """The value, short and with most of its digits hidden: safe in a log line."""
        short = self.value if len(self.value) <= _SHORT else f"{self.value[: _SHORT - 1]}…"
        digits = [at for at, sign in enumerate(short) if sign.isdecimal()]
        hidden = set(digits[2:-2])
        return "".join("•" if at in hidden else sign for at, sign in enumerate(short))


def recipient_of(
    value: object, *, position: int | None = None, every_number: bool = False
) -> Recipient:
    """A Recipient from an item of a caller's list; one that cannot be used has a ``fault``.

    A mapping needs a key that is a name for a phone column, as in files: of several, the first
    with a mobile number counts. Its key ``territoire`` or ``territory`` sets the territory,
    ``key`` or ``clé`` that of the person, and ``last_contact`` or ``dernier_contact`` the date of
    the last contact. ``every_number`` is as in ``open_recipients``.
    """
    if isinstance(value, Recipient):
        return value
    if isinstance(value, str):
        return Recipient(value, row=position)
    if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value):
        shown = str(value) if isinstance(value, int | float) else ""
        return Recipient(shown, row=position, fault=NOT_A_RECIPIENT)
    names = list(value)
    try:
        cells = [text_of(cell) for cell in value.values()]
    except TypeError:
        return Recipient("", row=position, fault="unusable_value")
    found, clear = phones_of(names)
    if every_number:
        found = every_phone(names)
        clear = bool(found)
    if not clear:
        fault = "several_fields" if found else NO_NUMBER
        return Recipient("", row=position, raw=tuple(cells), fault=fault)
    at, known_by, contact = territory_column(names), key_column(names), last_contact_column(names)
    numbers = tuple(cells[phone] for phone in found)
    return Recipient(
        mobile_of(numbers),
        dict(zip(names, cells, strict=True)),
        territory=(cells[at].strip() or None) if at is not None else None,
        row=position,
        raw=tuple(cells),
        key=None if known_by is None else value[names[known_by]],
        last_contact=None if contact is None else value[names[contact]],
        numbers=numbers if len(numbers) > 1 else (),
    )

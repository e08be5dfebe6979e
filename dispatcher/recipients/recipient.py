"""Recipients as the caller passes them: a raw number, its fields, and its row.

Nothing is checked here: ``dispatcher.recipients.phones`` checks numbers,
``dispatcher.window.territories`` checks territories.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum

from dispatcher.errors import UnusableInput

# Patterns for the name of a phone column, the best first: of "Téléphone" and "Portable", the
# second holds the mobile number. They match names after fold().
_PHONE_NAMES = (
    re.compile(
        r"(n|no|num|numero)?(de|du)?(tel|telephone|phone)?"
        r"(portable|mobile|gsm|cell|cellulaire|msisdn)(phone|telephone|number)?1?"
    ),
    re.compile(r"(n|no|num|numero)?(de|du)?(tel|telephone|phone)(number)?1?"),
    re.compile(r"num|numero|number|e164|destinataire|recipient"),
)
_TERRITORY_NAMES = frozenset({"territoire", "territory"})


@dataclass(frozen=True, slots=True, init=False)
class Recipient:
    """One person to text, not checked yet. Its repr shows neither number nor fields.

    ``phone`` is spelled as in the source. ``fields`` holds the columns by name. ``row`` is the
    physical line on which the record starts (the header counts), or the position in the
    caller's own list, from 1. ``raw`` is the unchanged row.
    """

    phone: str = field(repr=False)
    fields: Mapping[str, str] = field(repr=False, hash=False)
    territory: str | None
    row: int | None
    raw: tuple[str, ...] = field(repr=False, compare=False)

    # sets the slots directly: the usual way of a frozen dataclass takes twice as long, and a
    # file makes a million of these
    def __init__(
        self,
        phone: str,
        fields: Mapping[str, str] | None = None,
        territory: str | None = None,
        row: int | None = None,
        raw: tuple[str, ...] = (),
    ) -> None:
        _set_phone(self, phone)
        _set_fields(self, {} if fields is None else fields)
        _set_territory(self, territory)
        _set_row(self, row)
        _set_raw(self, raw)

    def rejected(self, reason: str, *, column: str | None = None) -> Rejection:
        """A rejection of this row."""
        return Rejection(row=self.row, raw=self.raw or self.phone, reason=reason, column=column)


_set_phone, _set_fields, _set_territory, _set_row, _set_raw = (
    vars(Recipient)[slot].__set__ for slot in ("phone", "fields", "territory", "row", "raw")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """A row that gets no message, and why. Its repr does not show the row."""

    row: int | None
    raw: tuple[str, ...] | str = field(repr=False)
    reason: str
    #: the column at fault, if there is one
    column: str | None = None


def recipient_of(
    value: str | Recipient | Mapping[str, object], *, position: int | None = None
) -> Recipient:
    """A Recipient from an item of a caller's list.

    A mapping needs exactly one key that is a name for a phone column, as in files; its key
    ``territoire`` or ``territory`` sets the territory. Raises UnusableInput with ``position``.
    """
    if isinstance(value, Recipient):
        return value
    if isinstance(value, str):
        return Recipient(value, row=position)
    where = "recipient" if position is None else f"recipient {position}"
    if not isinstance(value, Mapping):
        raise UnusableInput(
            f"{where}: expected a number, a Recipient or a mapping, got {type(value).__name__}"
        )
    names = list(value)
    if not all(isinstance(name, str) for name in names):
        raise UnusableInput(f"{where}: the keys of a mapping must be text")
    try:
        cells = [text_of(cell) for cell in value.values()]
    except TypeError as error:
        raise UnusableInput(f"{where}: {error}") from None
    phones = phone_columns(names)
    if len(phones) != 1:
        what = "several keys that name a number" if phones else "no key that names a number"
        raise UnusableInput(f'{where}: the mapping has {what}; call one "telephone" or "mobile"')
    at = territory_column(names)
    return Recipient(
        cells[phones[0]],
        dict(zip(names, cells, strict=True)),
        territory=(cells[at].strip() or None) if at is not None else None,
        row=position,
        raw=tuple(cells),
    )


def fold(name: str) -> str:
    """The name of a column without case, accents, spaces and punctuation."""
    decomposed = unicodedata.normalize("NFKD", name).casefold()
    return "".join(character for character in decomposed if character.isalnum())


def phone_columns(names: Sequence[str]) -> list[int]:
    """Positions of the columns whose names fit a mobile number best; several are ambiguous."""
    folded = [fold(name) for name in names]
    for pattern in _PHONE_NAMES:
        if found := [at for at, name in enumerate(folded) if pattern.fullmatch(name)]:
            return found
    return []


def territory_column(names: Sequence[str]) -> int | None:
    """Position of the column that sets the territory, if there is one."""
    return next((at for at, name in enumerate(names) if fold(name) in _TERRITORY_NAMES), None)


def text_of(cell: object) -> str:
    """A value as a French spreadsheet shows it: 24/11/2026, 14:30, 12,5, VRAI; None is empty.

    A whole float is written without decimals, because spreadsheets and data frames turn a
    number that lost its zero into 612345678.0. Raises TypeError for bytes and containers.
    """
    if isinstance(cell, str):
        return str(cell.value) if isinstance(cell, Enum) else cell
    if isinstance(cell, Enum):
        return text_of(cell.value)
    if cell is None or cell != cell:  # not a number, not a time
        return ""
    if isinstance(cell, bool):
        return "VRAI" if cell else "FAUX"
    if isinstance(cell, float | Decimal):
        return _decimal(cell)
    if isinstance(cell, datetime):
        midnight = cell.time() == time()
        return cell.strftime("%d/%m/%Y" if midnight else "%d/%m/%Y %H:%M")
    if isinstance(cell, date):
        return cell.strftime("%d/%m/%Y")
    if isinstance(cell, time):
        return cell.strftime("%H:%M")
    if isinstance(cell, timedelta):
        minutes, seconds = divmod(round(cell.total_seconds()), 60)
        shown = f"{minutes // 60}:{minutes % 60:02}"
        return f"{shown}:{seconds:02}" if seconds else shown
    if isinstance(cell, bytes | bytearray | list | tuple | set | frozenset | Mapping):
        raise TypeError(f"a field cannot be a {type(cell).__name__}")
    return str(cell)


def _decimal(number: float | Decimal) -> str:
    """A number with a comma, without the noise of binary fractions and without an exponent."""
    if not math.isfinite(number):
        return ""
    if isinstance(number, float):
        if number == int(number):
            return str(int(number))
        number = Decimal(f"{number:.15g}")
    return f"{number:f}".replace(".", ",")

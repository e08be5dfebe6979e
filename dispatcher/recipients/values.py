"""Values of fields: how Python's are written in French, and which texts are no value."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from zoneinfo import ZoneInfo

from dispatcher.recipients.column_names import fold

_PARIS = ZoneInfo("Europe/Paris")
# errors of spreadsheets, "not available" (non disponible, communiqué, renseigné), and nulls that
# no person is called, as they may have been typed
_NEVER_A_VALUE = re.compile(
    r"#?N ?[/\\] ?[ACDR]\.?|N\.[AD]\.?|NA\.|undefined|none"
    r"|#(NA|NV|(DIV/0|REF|NUM|NAME|VALUE|NULL|SPILL|CALC|FIELD|BLOCKED|CONNECT|UNKNOWN"
    r"|VALEUR|NOMBRE|NOM|NUL|CHAMP|ERROR|ERREUR|D[ÉE]VERS|PROPAGATION|EPARS|BUSY|WERT|BEZUG|ZAHL)"
    r"\s?[!?]"
    r"|GETTING_DATA|OBTENTION_DONNEES)|Err:\d{3}"
    r"|\\N|[<(\[](null|na|n/a|none|nil|vide|undefined)[>)\]]",
    re.IGNORECASE,
)
# nulls as programs write them, and as others may have typed them: people may be called so, too
_OF_PROGRAMS = frozenset({"NULL", "null", "NaN", "nan", "NaT", "nil"})
_OR_A_NAME = frozenset({"null", "nan", "nat", "nil", "na"})
#: sets of names that are remembered
_MOST_SHAPES = 1000
_NAMES = re.compile(r"nom|name|client|contact|patient|eleve|enfant|destinataire|parent|adherent")


def is_no_value(text: str, column: str) -> bool:
    """True for an error of a spreadsheet, a null of a database, or a word for "not available".

    ``N/A``, ``n.a.``, ``undefined`` and ``None``, in any case, and what programs write (``NULL``,
    ``null``, ``NaN``, ``nan``) are no value anywhere. ``Null``, ``Nan``, ``Na`` and the like are a
    value in a column whose name says that it holds names of people, and none in others.
    """
    text = text.strip()
    if text in _OF_PROGRAMS or _NEVER_A_VALUE.fullmatch(text):
        return True
    return text.lower() in _OR_A_NAME and not _NAMES.search(fold(column))


class NamedValues:
    """Takes the fields of a text from those of a recipient, whose names may be spelled otherwise.

    Accents, case and punctuation are left aside where no name is exactly that. What is no value
    is left out.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names
        self._known: dict[tuple[str, ...], dict[str, str]] = {}

    def of(self, fields: Mapping[str, str]) -> dict[str, str]:
        """The values that there are, by the names of the text."""
        found = self._known.get(keys := tuple(fields))
        if found is None:
            if len(self._known) == _MOST_SHAPES:
                self._known.clear()
            found = self._known[keys] = self._keys(fields)
        values = {name: fields[key] for name, key in found.items()}
        return {name: text for name, text in values.items() if not is_no_value(text, name)}

    def names_in(self, fields: Mapping[str, str]) -> set[str]:
        """The names of the text that are among the names of the fields."""
        return set(self._keys(fields))

    def _keys(self, fields: Mapping[str, str]) -> dict[str, str]:
        found = {}
        for name in self._names:
            alike = [key for key in fields if fold(key) == fold(name)] if fold(name) else []
            if name in fields:
                found[name] = name
            elif len(alike) == 1:
                found[name] = alike[0]
        return found


def text_of(cell: object) -> str:
    """A value as a French spreadsheet shows it: 24/11/2026, 14:30, 12,5, VRAI; None is empty.

    A date and time with a time zone, as Django stores them, is shown on the clock of Paris,
    wherever the recipient is. One without is shown as it is, and so is a time of day, whose
    hour in Paris depends on the day.

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
        if cell.tzinfo is not None:
            with suppress(OverflowError, ValueError):  # at the ends of the calendar
                cell = cell.astimezone(_PARIS)
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

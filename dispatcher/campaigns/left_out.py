"""The rows of a list that get no message: how many, why, and which numbers are there twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from dispatcher.errors import InvalidCampaign, InvalidPhone, InvalidText, NobodyToText
from dispatcher.recipients import Recipient, Rejection
from dispatcher.recipients.legible import are_several
from dispatcher.recipients.reasons import (
    MISSING_FIELD,
    NEVER_OPEN,
    SEVERAL_NUMBERS,
    UNKNOWN_TERRITORY,
    UNUSABLE_TEXT,
    with_explanation,
)
from dispatcher.recipients.values import is_no_value
from dispatcher.texts.templates import MissingField
from dispatcher.window import NeverOpen

#: reasons that an error names
_MOST_NAMED = 5
#: rows whose numbers are remembered, to say where the first of a repeated number is
_MOST_FIRST = 20_000


class LeftOut:
    """Counts rows that are left out by their reason, and passes them to ``reject``."""

    def __init__(self, reject: Callable[[Rejection], None] | None) -> None:
        self._reject = reject
        self.reasons: Counter[str] = Counter()
        #: why the list, or a part of it, can never leave
        self.never: NeverOpen | None = None

    def add(self, recipient: Recipient, reason: str, code: str | None = None) -> None:
        """Leave out a row for a code, or for a sentence with its ``code``."""
        self.reasons[reason] += 1
        if self._reject is not None:
            self._reject(recipient.rejected(reason, code=code))

    def add_number(self, recipient: Recipient, error: InvalidPhone) -> None:
        """Leave out a row whose number cannot be texted."""
        self.add(recipient, reason_of(recipient.phone, error))

    def add_error(self, recipient: Recipient, error: InvalidText | InvalidCampaign) -> None:
        """Leave out a row whose text or territory is refused."""
        code = UNUSABLE_TEXT if isinstance(error, InvalidText) else UNKNOWN_TERRITORY
        if isinstance(error, MissingField):
            code = MISSING_FIELD
        elif isinstance(error, NeverOpen):
            self.never, code = error, NEVER_OPEN
        self.add(recipient, str(error), code)

    def check(self, rows: int) -> None:
        """Raise NobodyToText, or NeverOpen: nobody of the list can be texted."""
        if not rows:
            raise InvalidCampaign("no recipients")
        if self.never is not None and set(self.reasons) == {str(self.never)}:
            raise self.never
        says = f"none of {rows} rows can be texted: {self._counted()}"
        raise NobodyToText(says, dict(self.reasons))

    def check_strictly(self, rows: int) -> None:
        """Raise InvalidCampaign if any row was left out."""
        if unusable := self.reasons.total():
            says = f"{unusable} of {rows} rows cannot be texted (strict): {self._counted()}"
            raise InvalidCampaign(says)

    def _counted(self) -> str:
        """The reasons with their counts: "2 × landline (…), 1 × empty (…)"."""
        named = [
            f"{count:,} × {with_explanation(reason).removesuffix('.')}"
            for reason, count in self.reasons.most_common(_MOST_NAMED)
        ]
        more = len(self.reasons) - len(named)
        return ", ".join(named) + (f" and {more} more reasons" if more else "")


def reason_of(raw: str, error: InvalidPhone) -> str:
    """Why a cell is not one number that can be texted."""
    if are_several(raw):
        return SEVERAL_NUMBERS
    return "empty" if is_no_value(raw, "") else error.reason


class Duplicates:
    """Counts rows whose number is above them, and remembers where the first of them is."""

    def __init__(self) -> None:
        self.count = 0
        self._first: dict[int, int | None] = {}
        self._times: Counter[int] = Counter()
        self._found: tuple[int | None, int | None, int] | None = None
        #: whether first rows are still remembered
        self.open = True

    def see(self, number: int, row: int | None) -> None:
        """Remember the row of a number."""
        self._first[number] = row
        self.open = len(self._first) < _MOST_FIRST

    def forget(self, number: int) -> None:
        """The row of this number is left out after all."""
        self._first.pop(number, None)

    def add(self, number: int, row: int | None) -> None:
        """Count a row whose number is above it."""
        self.count += 1
        self._found = self._found or (self._first.get(number), row, number)
        if number in self._times or len(self._times) < _MOST_FIRST:
            self._times[number] += 1

    @property
    def warnings(self) -> list[str]:
        """A sentence, if any number is there twice."""
        if self._found is None:
            return []
        first, again, number = self._found
        people = self._times[number] + 1
        numbers = len(self._times)
        where = [str(row) for row in (first, again) if row is not None]
        rows = f"{'rows' if len(where) > 1 else 'row'} {' and '.join(where)}"
        many = "there more than once and"
        if numbers == 1:
            at = f", first in {rows}" if where else ""
            return [f"one number is {many} gets one text: {people} people share it{at}"]
        at = f", in {rows}" if where else ""
        says = f"{numbers:,} numbers are {many} get one text each: {people} people share the first"
        return [says + at]

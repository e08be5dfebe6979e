"""Answers whose lines differ in nothing but their numbers, as nearly all do: read by comparison.

Such an answer says the same as one with its first line alone, which the strict reader reads in a
tenth of the time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from dispatcher.gateway.smspartner.fields import are_french

_LIST: Final = b'"SMSResponse_List":['
_PHONE: Final = b'"phoneNumber":"'
_LENGTH: Final = len("+33639980000")


class SameLines(NamedTuple):
    """The answer with its first line alone, and the numbers (E.164) of all its lines."""

    shortened: bytes
    phones: Sequence[str]

    def __repr__(self) -> str:
        return "SameLines()"


def same_lines(body: bytes) -> SameLines | None:
    """The shortened answer; None for one that must be read whole.

    If ``shortened`` is a JSON document, the body is the same document with the line repeated for
    each of ``phones``. For that, no byte before, in or after the line may be a backslash, and the
    list must belong to the outermost object.
    """
    head, found, rest = body.partition(_LIST)
    lines, end, tail = rest.partition(b"]")
    line = lines[: lines.find(b"}") + 1]
    opening, named, after = line.partition(_PHONE)
    before, after = opening + named, after[_LENGTH:]
    shortened = b"".join((head, found, line, end, tail))
    if (
        not named
        or b"\\" in shortened
        # a brace or a bracket within a text counts too: then the answer is read whole
        or (head.count(b"{"), head.count(b"["), line.count(b"{")) != (1, 0, 1)
        or not head.lstrip().startswith(b"{")
        or not line.startswith(b"{")
        # an even number of quotes: the brace at the end is outside of any text
        or line.count(b'"') % 2
        or not after.startswith(b'"')
        or not lines.endswith(after)
        or not lines.isascii()
    ):
        return None
    numbers = lines[len(before) : -len(after)].decode().split((after + b"," + before).decode())
    return SameLines(shortened, numbers) if are_french(numbers) else None

"""Marks that nobody sees: they would make a text dearer, and two equal names different."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

# Unicode's Default_Ignorable_Code_Point (with it the bidirectional controls, joiners, variation
# selectors and tags) and the marks of interlinear annotations
_MARK: Final = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
# Unicode's emoji beyond ASCII, by their blocks
_PICTURE: Final = (
    "[\xa9\xae\u203c\u2049\u2122\u2139\u2190-\u21ff\u2300-\u23ff\u2460-\u24ff\u25a0-\u27bf"
    "\u2900-\u297f\u2b00-\u2bff\u3030\u303d\u3297\u3299\U0001f000-\U0001faff]"
    "(?:[\ufe0e\ufe0f]|[\U0001f3fb-\U0001f3ff])?"
)
# a keycap, a flag of a region, or pictures joined to one: their marks are seen
_SEQUENCE: Final = (
    "[#*0-9]\ufe0f?\u20e3|\U0001f3f4[\U000e0020-\U000e007e]+\U000e007f"
    f"|{_PICTURE}(?:\u200d{_PICTURE})*"
)
_marked = re.compile(f"[{_MARK}]").search
_unseen = re.compile(f"({_SEQUENCE})|[{_MARK}]+")
_piece = re.compile(f"{_SEQUENCE}|.", re.DOTALL)


def without_marks(text: str) -> str:
    """The text without marks that nobody sees; those inside a sequence of emoji stay."""
    if text.isascii() or not _marked(text):
        return text
    return _unseen.sub(lambda match: match[1] or "", text)


def pieces(text: str) -> Iterator[str]:
    """The characters of a text, each sequence of emoji in one piece."""
    return (match[0] for match in _piece.finditer(text))

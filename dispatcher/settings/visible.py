"""Escapes control and invisible characters in texts for a terminal or a log.

An escape sequence can move the cursor, change earlier output or set the title of a window; a
bidirectional control shows a name in another order than it has.
"""

from __future__ import annotations

import re
import unicodedata

#: joins the parts of one emoji
_JOINER = "\u200d"
_coloured = re.compile(r"(\x1b\[[0-9;]*m)(.*)(\x1b\[0m)", re.DOTALL).fullmatch


def visible(text: str, *, lines: bool = False) -> str:
    r"""The text with escapes such as ``\x1b`` in place of control and invisible characters.

    With ``lines`` it may have several, and tabs.
    """
    if text.isprintable():
        return text
    stays = "\n\t" if lines else ""
    return "".join(
        char
        if char.isprintable() or char in stays or _is_harmless(char)
        else char.encode("unicode_escape").decode()
        for char in text
    )


def visible_line(text: str) -> str:
    """An entry of a log, escaped in the same way; it may have several lines and one colour."""
    if found := _coloured(text):
        return f"{found[1]}{visible(found[2], lines=True)}{found[3]}"
    return visible(text, lines=True)


def visible_json(text: str) -> str:
    r"""JSON in which control and invisible characters are written like ``\u009b``."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() or _is_harmless(char) else _units(char) for char in text
    )


def _is_harmless(char: str) -> bool:
    return char == _JOINER or unicodedata.category(char) == "Zs"


def _units(char: str) -> str:
    pairs = char.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{pairs[at : at + 4]}" for at in range(0, len(pairs), 4))

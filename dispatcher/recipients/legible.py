"""Makes the text in a column of numbers plain: ASCII, without invisible characters and quotes."""

from __future__ import annotations

import re
import unicodedata

_LOOKALIKES = {"＋": "+", "（": "(", "）": ")", "．": ".", "−": "-", "’": "'", "⁄": "/", "／": "/"}
_numbers = re.compile(
    r"(?<!\d)(?:(?:\+|00)[ .]?[1-9]\d{0,2}[ .]?(?:\(0\))?|0|(?=[67]\d{8}))[1-9]"
    r"(?:[ ./_-]?\d){6,8}(?!\d)",
    re.ASCII,
)


def legible(raw: str) -> str:
    """The text in ASCII where possible, without invisible marks and outer blanks.

    The quotes that spreadsheets put around a number go, too.
    """
    text = raw if raw.isascii() else "".join(map(_plain, raw))
    text = text.strip().removeprefix("=").strip(" '\"")
    return text[4:].strip() if text[:4].lower() == "tel:" else text


def _plain(char: str) -> str:
    category = unicodedata.category(char)
    if category == "Zs":
        return " "
    if category == "Nd":
        return str(unicodedata.decimal(char))
    if category == "Cf":
        return ""
    return "-" if category == "Pd" else _LOOKALIKES.get(char, char)


def are_several(raw: str) -> bool:
    """True if a text that is not one number contains several."""
    return len(_numbers.findall(legible(raw))) > 1


def numbers_in(raw: str) -> list[str]:
    """The numbers in a text, as they are written; none if a digit belongs to none of them."""
    text = legible(raw)
    rest = _numbers.sub("", text)
    return [] if any(map(str.isdecimal, rest)) else _numbers.findall(text)

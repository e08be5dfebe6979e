"""A number of a spreadsheet as a French one shows it, by the number format of its cell."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import NamedTuple

from dispatcher.recipients.values import text_of

# colours, conditions and locales in brackets; [$€-40C] is a currency and a locale
_BRACKETS = re.compile(r"\[\$([^\]-]*)(?:-[^\]]*)?\]|\[(?![hms]+\])[^\]]*\]", re.IGNORECASE)
# what Windows calls the long date and the time of its user; the rest of the format is not shown
_LONG_DATE = re.compile(r"\[\$-(F800|x-sysdate)\]", re.IGNORECASE)
_LONG_TIME = re.compile(r"\[\$-(F400|x-systime)\]", re.IGNORECASE)
_TOKENS = re.compile(r'"([^"]*)"|\\(.)|_.|\*.|([0#?]+(?:[ ,.0#?]*[0#?])?,*)|(%)|(.)', re.DOTALL)
_DATE_TOKENS = re.compile(
    r'"([^"]*)"|\\(.)|_.|\*.|(\[h+\]|\[m+\]|\[s+\]|AM/PM|A/P|y+|m+|d+|h+|s+(?:\.0+)?|General)|(.)',
    re.IGNORECASE | re.DOTALL,
)
_MONTHS = (
    *("janvier", "février", "mars", "avril", "mai", "juin"),
    *("juillet", "août", "septembre", "octobre", "novembre", "décembre"),
)
_SHORT_MONTHS = (
    *("janv.", "févr.", "mars", "avr.", "mai", "juin"),
    *("juil.", "août", "sept.", "oct.", "nov.", "déc."),
)
_DAYS = ["lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche"]


def shown(value: object, code: str) -> str:
    """The text of a cell with the number format ``code``: ``0.2`` and ``0%`` make ``20 %``.

    A date stands in the French order whatever its format says: whoever reads 12/3/2026, a person
    or ``dates.date_of``, takes it for 12 March.
    """
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return text_of(value)
    if isinstance(value, datetime | date | time | timedelta):
        return _dated(value, code.split(";")[0])
    if isinstance(value, int | float | Decimal):
        return _number(value, code)
    return text_of(value)


def _number(value: float | Decimal, code: str) -> str:
    sections = [_format_of(section) for section in _sections(code)]
    number = Decimal(f"{value:.15g}") if isinstance(value, float) else Decimal(value)
    if not number.is_finite():
        return ""
    if number < 0 and len(sections) > 1 and sections[1] is not None:
        return sections[1].text(-number)
    if number == 0 and len(sections) > 2 and sections[2] is not None:
        return sections[2].text(number)
    form = sections[0]
    return text_of(value) if form is None else form.text(number)


class _Format(NamedTuple):
    """One section of a number format: texts around and within the digits."""

    before: str
    digits: str
    after: str
    percent: int

    def text(self, number: Decimal) -> str:
        if not self.digits:
            return (self.before + self.after).strip()
        number *= Decimal(100) ** self.percent
        form = self.digits.rstrip(",")
        number /= Decimal(1000) ** (len(self.digits) - len(form))
        whole_form, _, decimals = form.partition(".")
        places = sum(sign in "0#?" for sign in decimals)
        least = sum(sign == "0" for sign in decimals)
        rounded = abs(number).quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)
        whole, _, fraction = f"{rounded:f}".partition(".")
        fraction = fraction[:least] + fraction[least:].rstrip("0")
        sign = "-" if number < 0 and rounded else ""
        text = self.before + sign + _filled(whole, whole_form)
        return (text + ("," + fraction if fraction else "") + self.after).strip()


def _filled(digits: str, form: str) -> str:
    """The digits of a whole number in placeholders such as ``0# ## ##`` or ``#,##0``."""
    grouped = "," in form
    places = form.replace(",", "")
    digits = "" if digits == "0" else digits
    at = len(places)
    made: list[str] = []
    while at:
        at -= 1
        place = places[at]
        if place in "0#?":
            if digits:
                made.append(digits[-1])
                digits = digits[:-1]
            elif place == "0":
                made.append("0")
        elif digits or "0" in places[:at]:
            made.append(place)
    text = digits + "".join(reversed(made))
    if grouped and text.isdecimal():
        return f"{int(text):,}".replace(",", " ") if text else ""
    return text


@lru_cache(maxsize=256)
def _sections(code: str) -> tuple[str, ...]:
    return tuple(re.findall(r'((?:"[^"]*"|\\.|[^;"\\])*)(?:;|$)', code)[:3])


@lru_cache(maxsize=256)
def _format_of(section: str) -> _Format | None:
    """None for the general format, and for exponents and fractions, which nobody texts."""
    section = _BRACKETS.sub(lambda found: f'"{found[1] or ""}"', section)
    bare = re.sub(r'"[^"]*"|\\.', "", section)
    if not section.strip() or re.search(r"general|standard|@|e[+-]|/", bare, re.IGNORECASE):
        return None
    before = digits = after = ""
    percent = 0
    for quoted, escaped, form, sign, other in _TOKENS.findall(section):
        text = "%" if sign else quoted or escaped or other
        percent += bool(sign)
        if form:
            # text between placeholders, as in 00" "00" "00, is a part of the digits
            digits, after = (form, "") if not digits else (digits + after + form, "")
        elif digits:
            after += text
        else:
            before += text
    # a French sheet shows 20 %, whatever the format says
    after = re.sub(r"^%", " %", after)
    return _Format(before, digits, after, percent)


class _Part(NamedTuple):
    """A part of a date's format: a token such as ``yyyy``, where ``n`` are minutes, or a text."""

    token: str
    text: str


def _dated(value: datetime | date | time | timedelta, section: str) -> str:
    if _LONG_DATE.search(section):
        section = r"dddd\ d\ mmmm\ yyyy"
    elif _LONG_TIME.search(section):
        section = "hh:mm:ss"
    section = _BRACKETS.sub("", section).removesuffix("@")
    if isinstance(value, date):
        timed = isinstance(value, datetime) and value.time() != time()
        section = _in_french_order(section, timed=timed)
    parts = _parts(section)
    twelve = any(one.token in ("am/pm", "a/p") for one in parts)
    made = [_part(value, one.token, twelve=twelve) if one.token else one.text for one in parts]
    return "".join(made).strip()


@lru_cache(maxsize=256)
def _parts(section: str) -> tuple[_Part, ...]:
    found = [one.groups() for one in _DATE_TOKENS.finditer(section)]
    tokens = [(token or "").lower() for _, _, token, _ in found]
    for at, token in enumerate(tokens):
        if token in ("m", "mm") and _beside_hours(tokens, at):
            tokens[at] = "n" * len(token)
    return tuple(
        _Part(token, quoted or escaped or other or "")
        for token, (quoted, escaped, _, other) in zip(tokens, found, strict=True)
    )


@lru_cache(maxsize=256)
def _in_french_order(section: str, *, timed: bool) -> str:
    """The format, or a French one if its day, month and year stand in another order.

    ``timed`` is whether the time of day may be shown: midnight is what programs write for none.
    """
    tokens = [one.token for one in _parts(section)]
    weekday = next((token for token in tokens if token.startswith("ddd")), "")
    dated = [token for token in tokens if token.startswith(("d", "m", "y")) and token != weekday]
    if dated == sorted(dated):
        return section
    month = next((token for token in dated if token.startswith("mmm")), "")
    plain = {"d": "d" if month else "dd", "m": month or "mm", "y": "yyyy"}
    kinds = {token[0] for token in dated}
    day = (" " if month else "/").join(plain[kind] for kind in "dmy" if kind in kinds)
    hours = "hh:mm" if timed and any(token.startswith("h") for token in tokens) else ""
    return " ".join(filter(None, (weekday, day, hours)))


def _beside_hours(tokens: list[str], at: int) -> bool:
    before = next((token for token in reversed(tokens[:at]) if token), "")
    after = next((token for token in tokens[at + 1 :] if token), "")
    return before.strip("[]").startswith("h") or after.strip("[]").startswith("s")


def _part(value: datetime | date | time | timedelta, token: str, *, twelve: bool) -> str:
    seconds = _seconds(value)
    hours = seconds // 3600
    match token[0], len(token):
        case "[", length:
            unit = {"h": 3600, "m": 60, "s": 1}[token[1]]
            return f"{seconds // unit:0{length - 2}}"
        case "h", length:
            shown_hours = (hours % 24 % 12 or 12) if twelve else hours % 24
            return f"{shown_hours:0{length}}"
        case "n", length:
            return f"{seconds // 60 % 60:0{length}}"
        case "s", _:
            return f"{seconds % 60:0{len(token.split('.')[0])}}"
        case "a", _:
            return "AM" if hours % 24 < 12 else "PM"
        case "g", _:
            return text_of(value)
    if not isinstance(value, date):
        return ""
    match token[0], len(token):
        case "y", length:
            return f"{value.year % 100:02}" if length < 3 else f"{value.year}"
        case "m", length:
            names = {3: _SHORT_MONTHS, 4: _MONTHS, 5: [month[0].upper() for month in _MONTHS]}
            return names[length][value.month - 1] if length in names else f"{value.month:0{length}}"
        case "d", length if length < 3:
            return f"{value.day:0{length}}"
        case _, length:
            name = _DAYS[value.weekday()]
            return f"{name[:3]}." if length == 3 else name


def _seconds(value: datetime | date | time | timedelta) -> int:
    if isinstance(value, timedelta):
        return round(value.total_seconds())
    if isinstance(value, datetime | time):
        return value.hour * 3600 + value.minute * 60 + value.second
    return 0

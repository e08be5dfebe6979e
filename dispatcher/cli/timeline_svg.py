"""A timeline as a picture: one SVG that needs no other file, readable without colours. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from html import escape
from typing import Final

from dispatcher.campaigns.forecast import Departure
from dispatcher.cli.timeline import PARIS, Row, Span, Timeline, label_of, short
from dispatcher.language import ENGLISH, Language

_WIDTH, _MARGIN, _EDGE = 1120, 220, 24
_HEAD, _ROW, _FOOT = 104, 52, 48
#: the smallest width of a bar: an hour must be visible among two weeks
_LEAST = 6
#: the largest width of a character, as a share of the font size
_CHARACTER = 0.6
_INK, _FAINT, _RULE = "#1d2733", "#5b6875", "#c3cad2"
_OPEN, _CLOSED, _LEAVES, _NOW = "#ffffff", "#dde2e8", "#0b6e99", "#b3261e"
_FONT: Final = "system-ui, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif"


def in_svg(line: Timeline, *, title: str, language: Language = ENGLISH) -> str:
    """The picture as an SVG document of about 1120 by 60 pixels a territory, on white."""
    height = _HEAD + _ROW * len(line.rows) + _FOOT
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}"'
        f' viewBox="0 0 {_WIDTH} {height}" role="img" aria-labelledby="title desc"'
        f' font-family="{escape(_FONT)}" fill="{_INK}">'
    )
    drawn = [
        head,
        f'<title id="title">{escape(title)}</title>',
        f'<desc id="desc">{escape(_described(line, language))}</desc>',
        _PATTERN,
        f'<rect width="{_WIDTH}" height="{height}" fill="{_OPEN}"/>',
        _text(_EDGE, 38, title, size=20, weight=600),
        *_header(line, language),
    ]
    for number, row in enumerate(line.rows):
        drawn += _row(line, row, _HEAD + number * _ROW, language)
    drawn += [*_frame(line, language), *_legend(height - 18, language), "</svg>"]
    return "\n".join(drawn) + "\n"


_PATTERN = (
    '<defs><pattern id="closed" width="6" height="6" patternUnits="userSpaceOnUse"'
    f' patternTransform="rotate(45)"><rect width="6" height="6" fill="{_CLOSED}"/>'
    f'<line x1="0" y1="0" x2="0" y2="6" stroke="{_RULE}" stroke-width="1.2"/></pattern></defs>'
)


def _header(line: Timeline, language: Language) -> Iterator[str]:
    days, forms = line.days, language.forms
    wide = (_WIDTH - _MARGIN - _EDGE) / len(days)
    for day in days:
        at = _x(line, day)
        month = forms.short_months[day.month - 1]
        near = f"{forms.days[day.weekday()][:3]} {day.day}"
        for name in (f"{near} {month}", near, f"{day.day}"):
            if _length(name, 13) < wide:
                yield _text(at + 4, 72, name, size=13, weight=600)
                break
        if wide <= 50 and (day == line.start or day.day == 1):
            yield _text(at + 4, 92, month, size=11)
        for hour in (8, 12, 20) if wide > 110 else (12,) if wide > 50 else ():
            yield _text(_x(line, day.replace(hour=hour)), 92, str(hour), size=11, anchor="middle")
    yield _text(
        _MARGIN - 8, 92, language.text("hours of Paris"), size=11, anchor="end", colour=_FAINT
    )


def _row(line: Timeline, row: Row, top: float, language: Language) -> Iterator[str]:
    label = label_of(row, line.start, language)
    size = 14 if _length(label, 14) < _MARGIN - _EDGE else 10
    yield _text(_EDGE, top + _ROW / 2 + 5, label, size=size)
    for span in row.spans:
        if not span.is_open:
            yield _closed(line, span, top, language)
    taken = 0.0
    for departure in row.departures:
        count = short(departure.messages)
        left, right = _extent(line, departure)
        said = escape(_title(row, departure, language))
        yield (
            f'<rect x="{left:.1f}" y="{top + 24}" width="{right - left:.1f}" height="{_ROW - 32}"'
            f' rx="2" fill="{_LEAVES}"><title>{said}</title></rect>'
        )
        begin = min(left, _WIDTH - _EDGE - _length(count, 13))
        if begin >= taken:
            yield _text(begin, top + 19, count, size=13, weight=600, halo=True)
            taken = begin + _length(count, 13) + 4


def _closed(line: Timeline, span: Span, top: float, language: Language) -> str:
    left, right = _x(line, span.starts), _x(line, span.ends)
    why, closed = language.say(span.why), language.text("closed")
    drawn = (
        f'<rect x="{left:.1f}" y="{top}" width="{right - left:.1f}" height="{_ROW}"'
        f' fill="url(#closed)"><title>{escape(f"{closed}: {why}")}</title></rect>'
    )
    if right - left > _length(why, 11) + 8:
        middle = (left + right) / 2
        drawn += _text(
            middle, top + _ROW / 2 + 4, why, size=11, anchor="middle", colour=_FAINT, halo=True
        )
    return drawn


def _frame(line: Timeline, language: Language) -> Iterator[str]:
    bottom = _HEAD + _ROW * len(line.rows)
    for day in [*line.days, line.end]:
        yield _stroke(_x(line, day), 60, _x(line, day), bottom)
    for number in range(len(line.rows) + 1):
        yield _stroke(_EDGE, _HEAD + number * _ROW, _WIDTH - _EDGE, _HEAD + number * _ROW)
    if line.start <= line.now < line.end:
        at, now = _x(line, line.now), language.text("now")
        yield (
            f'<line x1="{at:.1f}" y1="{_HEAD - 8}" x2="{at:.1f}" y2="{bottom}" stroke="{_NOW}"'
            f' stroke-width="1.5" stroke-dasharray="5 3"><title>{now}</title></line>'
        )
        yield f'<path d="M{at - 5:.1f} {_HEAD - 8}h10l-5 8z" fill="{_NOW}"/>'


def _legend(base: float, language: Language) -> Iterator[str]:
    at = float(_MARGIN)
    for fill, word in (("url(#closed)", "closed"), (_OPEN, "open"), (_LEAVES, "messages leave")):
        name = language.text(word)
        yield (
            f'<rect x="{at}" y="{base - 11}" width="18" height="13" fill="{fill}"'
            f' stroke="{_RULE}"/>'
        )
        yield _text(at + 25, base, name, size=12, colour=_FAINT)
        at += 25 + _length(name, 12) + 20
    yield f'<path d="M{at} {base - 9}h10l-5 8z" fill="{_NOW}"/>'
    yield _text(at + 16, base, language.text("now"), size=12, colour=_FAINT)


def _described(line: Timeline, language: Language) -> str:
    """A description of the picture, for screen readers."""
    day = f"{language.forms.days[line.start.weekday()]} {language.forms.day_of(line.start.date())}"
    whole = language.text(
        "{days} days from {day}, on the clock of Paris.", days=len(line.days), day=day
    )
    rows = ((row, departure) for row in line.rows for departure in row.departures)
    return " ".join([whole, *(f"{_title(*each, language)}." for each in rows)])


def _title(row: Row, departure: Departure, language: Language) -> str:
    at, forms = PARIS.local(departure.starts), language.forms
    said = language.text(
        "{place}: {messages} messages from {day} {month} {time}",
        place=language.word("territory", row.territory.label),
        messages=forms.number(departure.messages),
        day=f"{forms.days[at.weekday()]} {at.day}",
        month=forms.months[at.month - 1],
        time=forms.clock(at.hour, at.minute),
    )
    return said + (f" ({language.say(departure.why)})" if departure.why else "")


def _extent(line: Timeline, departure: Departure) -> tuple[float, float]:
    left = max(_x(line, departure.starts), _MARGIN)
    right = min(_x(line, departure.ends), _WIDTH - _EDGE)
    return left, max(right, left + _LEAST)


def _x(line: Timeline, at: datetime) -> float:
    # both on the wall clock of Paris, where every day is as wide as the next
    share = (PARIS.local(at) - line.start) / (line.end - line.start)
    return _MARGIN + share * (_WIDTH - _MARGIN - _EDGE)


def _length(text: str, size: float) -> float:
    return len(text) * size * _CHARACTER


def _stroke(x1: float, y1: float, x2: float, y2: float) -> str:
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{_RULE}"'
        ' stroke-width="1"/>'
    )


def _text(
    x: float,
    y: float,
    text: str,
    *,
    size: int,
    weight: int = 400,
    anchor: str = "start",
    colour: str = _INK,
    halo: bool = False,
) -> str:
    drawn = (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" font-weight="{weight}"'
        f' text-anchor="{anchor}" fill="{colour}">{escape(text)}</text>'
    )
    if not halo:
        return drawn
    # drawn twice, because not every program knows paint-order
    return drawn.replace(">", f' stroke="{_OPEN}" stroke-width="3">', 1) + drawn

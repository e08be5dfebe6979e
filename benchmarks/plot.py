"""A bar chart as one SVG that needs no other file. Pure."""

from __future__ import annotations

from html import escape

from benchmarks.figures import Table, thousands

_WIDTH, _MARGIN, _EDGE, _VALUE = 900, 210, 24, 110
_HEAD, _ROW = 64, 30
_INK, _FAINT, _OURS, _OTHERS = "#1d2733", "#5b6875", "#0b6e99", "#9fb3c1"
_FONT = "system-ui, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif"
_OPENING = (
    f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{{height}}"'
    f' viewBox="0 0 {_WIDTH} {{height}}" role="img" aria-labelledby="title desc"'
    f' font-family="{escape(_FONT)}" fill="{_INK}">'
)
_BAR = (
    f'<rect x="{_MARGIN}" y="{{top}}" width="{{wide:.1f}}" height="{_ROW - 10}" rx="2"'
    ' fill="{colour}"/>'
)


def bars(table: Table) -> str:
    """A bar for each row that has one, on a linear scale from 0; empty when none has."""
    rows = [(row.name, row.bar) for row in table.rows if row.bar is not None]
    if not rows:
        return ""
    most = max(bar for _, bar in rows) or 1.0
    height = _HEAD + _ROW * len(rows) + 16
    values = "; ".join(f"{name} {thousands(bar)}" for name, bar in rows)
    drawn = [
        _OPENING.format(height=height),
        f'<title id="title">{escape(table.title)}</title>',
        f'<desc id="desc">{escape(f"{table.unit}: {values}")}</desc>',
        f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>',
        _text(_EDGE, 28, table.title, size=18, weight=600),
        _text(_EDGE, 48, table.unit, size=12, colour=_FAINT),
    ]
    for number, (name, bar) in enumerate(rows):
        top = _HEAD + number * _ROW
        wide = max(1.0, bar / most * (_WIDTH - _MARGIN - _EDGE - _VALUE))
        colour = _OURS if name.startswith("ours") else _OTHERS
        drawn += [
            _text(_MARGIN - 10, top + 18, name, size=13, anchor="end"),
            _BAR.format(top=top + 4, wide=wide, colour=colour),
            _text(_MARGIN + wide + 8, top + 18, thousands(bar), size=13),
        ]
    return "\n".join([*drawn, "</svg>"]) + "\n"


def _text(
    x: float,
    y: float,
    text: str,
    *,
    size: int,
    weight: int = 400,
    anchor: str = "start",
    colour: str = _INK,
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" font-weight="{weight}"'
        f' text-anchor="{anchor}" fill="{colour}">{escape(text)}</text>'
    )

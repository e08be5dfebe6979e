"""The sheets of an OpenDocument spreadsheet, with their cells as they are shown.

The file itself holds the text of each cell as its program showed it, and which rows are hidden.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import IO, BinaryIO
from xml.etree import ElementTree as ET

from dispatcher.errors import InvalidFile
from dispatcher.recipients.files.bounds import MOST_COLUMNS, BoundedArchive
from dispatcher.recipients.files.sheets import Row, Sheet, check_row
from dispatcher.recipients.files.xlsx import DAMAGE
from dispatcher.recipients.values import text_of

_NS = "{urn:oasis:names:tc:opendocument:xmlns:%s:1.0}"
_TABLE, _TEXT, _OFFICE, _STYLE = (_NS % name for name in ("table", "text", "office", "style"))
_SHEET, _ROW = f"{_TABLE}table", f"{_TABLE}table-row"
_CELLS = (f"{_TABLE}table-cell", f"{_TABLE}covered-table-cell")
_CONTENT = "content.xml"
_numeric_date = re.compile(r"(\d+)[ /.-](\d+)[ /.-]\d").match


def sheets_of(stream: BinaryIO) -> Sequence[Sheet]:
    """The sheets of a spreadsheet. Raises InvalidFile if it is damaged or locked."""
    try:
        archive = BoundedArchive(stream)
        _check_unlocked(archive)
        hidden_styles: set[str] = set()
        sheets: list[Sheet] = []
        with archive.open(_CONTENT) as content:
            style = ""
            for event, element in _events(content):
                tag = element.tag
                if event == "start" and tag == f"{_STYLE}style":
                    style = element.get(f"{_STYLE}name", "")
                elif event == "start" and tag == f"{_STYLE}table-properties":
                    if element.get(f"{_TABLE}display") == "false":
                        hidden_styles.add(style)
                elif event == "start" and tag == _SHEET:
                    name = element.get(f"{_TABLE}name", "")
                    hidden = element.get(f"{_TABLE}style-name") in hidden_styles
                    sheets.append(_OdsSheet(archive, len(sheets), name, hidden=hidden))
    except InvalidFile:
        raise
    except DAMAGE as error:
        raise InvalidFile(f"the ODS file is damaged ({type(error).__name__})") from None
    return sheets


def _check_unlocked(archive: BoundedArchive) -> None:
    if b"encryption-data" in archive.read("META-INF/manifest.xml"):
        raise InvalidFile("the spreadsheet is locked; save it without password, or as CSV")


class _OdsSheet:
    """One sheet."""

    def __init__(self, archive: BoundedArchive, at: int, name: str, *, hidden: bool) -> None:
        self._archive, self._at = archive, at
        self.name, self.hidden = name, hidden

    def rows(self) -> Iterator[Row]:
        """Its rows."""
        number = 0
        try:
            for element in self._elements():
                count = int(element.get(f"{_TABLE}number-rows-repeated", "1"))
                cells = _cells(element, number + 1)
                hidden = element.get(f"{_TABLE}visibility", "visible") != "visible"
                if not cells:  # a sheet may end in a million blank rows
                    number += count
                    continue
                for _ in range(count):
                    number += 1
                    check_row(number, len(cells))
                    yield Row(number, list(cells), hidden)
        except InvalidFile:
            raise
        except DAMAGE as error:
            raise InvalidFile(
                f"the ODS file is damaged after row {number} ({type(error).__name__})"
            ) from None

    def _elements(self) -> Iterator[ET.Element]:
        at = -1
        with self._archive.open(_CONTENT) as content:
            for event, element in _events(content):
                if event == "start":
                    at += element.tag == _SHEET
                elif element.tag == _ROW:
                    if at == self._at:
                        yield element
                elif element.tag == _SHEET and at == self._at:
                    return


def _events(content: IO[bytes]) -> Iterator[tuple[str, ET.Element]]:
    """The starts and ends of all elements; rows and sheets are forgotten after their end."""
    above: list[ET.Element] = []
    # the archive refuses document types, which are what makes XML dangerous
    for event, element in ET.iterparse(content, ("start", "end")):  # noqa: S314
        if event == "start":
            above.append(element)
        else:
            above.pop()
        yield event, element
        if event == "end" and element.tag in (_ROW, _SHEET) and above:
            above[-1].remove(element)


def _cells(row: ET.Element, number: int) -> list[str]:
    """The texts of a row up to the last cell that holds one."""
    texts: list[str] = []
    blank = 0
    for cell in row:
        if cell.tag not in _CELLS:
            continue
        count = int(cell.get(f"{_TABLE}number-columns-repeated", "1"))
        text = _shown(cell)
        if not text:
            blank += count
            continue
        if len(texts) + blank + count > MOST_COLUMNS:
            check_row(number, MOST_COLUMNS + 1)
        texts += [""] * blank + [text] * count
        blank = 0
    return texts


def _shown(cell: ET.Element) -> str:
    """The text of a cell; a comment is none."""
    lines = [_line(paragraph) for paragraph in cell.findall(f"{_TEXT}p")]
    if lines:
        text = "\n".join(lines).replace("\u202f", " ").replace("\xa0", " ")
        return _in_french_order(text, cell.get(f"{_OFFICE}date-value", ""))
    for name in ("string-value", "date-value", "time-value", "boolean-value", "value"):
        if value := cell.get(f"{_OFFICE}{name}"):
            return value
    return ""


def _in_french_order(text: str, value: str) -> str:
    """The text of a cell, or its date as 03/12/2026 if the text says 12/3/2026 or 2026-12-03."""
    numbers = _numeric_date(text)
    if not value or numbers is None:
        return text
    try:
        at = datetime.fromisoformat(value)
    except ValueError:  # a year beyond 9999
        return text
    if (int(numbers[1]), int(numbers[2])) == (at.day, at.month):
        return text
    return text_of(at if ":" in text else at.date())


def _line(element: ET.Element) -> str:
    parts = [element.text or ""]
    for child in element:
        if child.tag == f"{_TEXT}s":
            parts.append(" " * min(int(child.get(f"{_TEXT}c", "1")), 100))
        elif child.tag in (f"{_TEXT}tab", f"{_TEXT}line-break"):
            parts.append(" ")
        elif not child.tag.startswith(_OFFICE):
            parts.append(_line(child))
        parts.append(child.tail or "")
    return "".join(parts)

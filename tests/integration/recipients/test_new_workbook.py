"""Workbooks that are written, read again by openpyxl."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from dispatcher.recipients.files.new_workbook import NewWorkbook, Value
from dispatcher.window.slots import PARIS

openpyxl = pytest.importorskip("openpyxl")


def written(book: NewWorkbook) -> dict[str, list[tuple[Any, ...]]]:
    stream = io.BytesIO()
    book.save(stream)
    sheets = openpyxl.load_workbook(stream).worksheets
    return {sheet.title: list(sheet.iter_rows(values_only=True)) for sheet in sheets}


def test_texts_stay_texts_and_numbers_numbers() -> None:
    book = NewWorkbook(PARIS)
    book.begin("Results", ["what", "value"])
    values: list[Value] = ["=1+1", "#N/A", "+33639980001", "bell\x07", 12, Decimal("0.045"), None]
    for value in values:
        book.write(["a", value])
    stream = io.BytesIO()
    book.save(stream)
    sheet = openpyxl.load_workbook(stream).active
    assert sheet is not None
    cells = [row[1] for row in sheet.iter_rows(min_row=2)]
    assert [cell.value for cell in cells] == [
        "=1+1", "#N/A", "+33639980001", "bell", 12, 0.045, None,
    ]  # fmt: skip
    assert [cell.data_type for cell in cells] == ["s", "s", "s", "s", "n", "n", "n"]


def test_instant_is_on_the_clock_of_paris() -> None:
    book = NewWorkbook(PARIS)
    book.begin("Results", ["at"])
    book.write([datetime(2027, 7, 1, 10, 30, tzinfo=UTC)])
    assert written(book)["Results"][1] == (datetime(2027, 7, 1, 12, 30),)  # noqa: DTZ001


def test_full_sheet_goes_on_in_the_next_with_the_same_header() -> None:
    book = NewWorkbook(PARIS, most_rows=3)
    book.begin("Results", ["n"])
    for number in range(5):
        book.write([number])
    book.begin("Sums", ["what"])
    book.write(["all"])
    assert written(book) == {
        "Results": [("n",), (0,), (1,)],
        "Results 2": [("n",), (2,), (3,)],
        "Results 3": [("n",), (4,)],
        "Sums": [("what",), ("all",)],
    }

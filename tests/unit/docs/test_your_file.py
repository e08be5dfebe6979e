"""The files of docs/your-file.md are read as the page says."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest

from dispatcher.campaigns.planner import Planner
from dispatcher.errors import InvalidFile
from dispatcher.recipients import Rejection
from dispatcher.recipients.files import open_recipients
from dispatcher.recipients.phones import normalise
from dispatcher.recipients.values import NamedValues
from dispatcher.texts.templates import compile_template

_PAGE = Path(__file__).parents[3] / "docs" / "your-file.md"
_TEXT = 'Bonjour {{ prenom | default("à tous") }} !'
_EXAMPLE = re.compile(r"^## (\d+\. .+?)\n(.*?)(?=^## )", re.MULTILINE | re.DOTALL)
_BLOCK = re.compile(r"(File \(([\w-]+)\)|Sheet “(\w+)”)?:?\n*```text\n(.*?)```", re.DOTALL)


def examples() -> dict[str, str]:
    return dict(_EXAMPLE.findall(_PAGE.read_text(encoding="utf-8")))


def workbook(sheets: list[tuple[str, str]]) -> bytes:
    book = pytest.importorskip("openpyxl").Workbook()
    book.remove(book.active)
    for name, content in sheets:
        sheet = book.create_sheet(name)
        for at, line in enumerate(content.splitlines(), start=1):
            sheet.append(line[2:].split(";"))
            sheet.row_dimensions[at].hidden = line.startswith("~")
    saved = io.BytesIO()
    book.save(saved)
    return saved.getvalue()


def outcome(raw: bytes) -> list[str]:
    """What becomes of each row, in the words of the page."""
    rejected: list[Rejection] = []
    planner = Planner(_TEXT, reject=rejected.append)
    template = compile_template(_TEXT)
    try:
        with open_recipients(io.BytesIO(raw), keep=template.fields) as file:
            people = list(file)
        list(planner.cut(people))
    except InvalidFile as error:
        return [f"refused: {error}"]
    left_out = {one.row: f"left out, {one.code}: {one.detail}" for one in rejected}
    seen: set[str] = set()
    lines = []
    for one in people:
        says = left_out.get(one.row)
        if says is None:
            number = normalise(one.phone)
            text = template.render(NamedValues(template.fields).of(one.fields))
            says = "its number is above" if number in seen else text
            seen.add(number)
        lines.append(f"row {one.row}: {says}")
    lines += [f"note: {note}" for note in file.notes]
    return lines + [f"warning: {each}" for each in planner.texts.findings.sentences(planner.kept)]


def test_page_shows_ten_files() -> None:
    assert [int(title.split(".")[0]) for title in examples()] == [*range(1, 11)]
    assert _TEXT in _PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize("title", examples())
def test_file_becomes_what_the_page_says(title: str) -> None:
    *given, expected = _BLOCK.findall(examples()[title])
    sheets = [(name, content) for _, _, name, content in given if name]
    raw = workbook(sheets) if sheets else given[0][3].encode(given[0][1])
    assert outcome(raw) == expected[3].splitlines()

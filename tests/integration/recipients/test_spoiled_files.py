"""Random French files, randomly spoiled, against a model of who is texted and who is not."""

from __future__ import annotations

import csv
import io
from collections import Counter
from dataclasses import dataclass
from typing import Literal

from hypothesis import given, settings
from hypothesis import strategies as st

from dispatcher.campaigns.planner import Planner
from dispatcher.recipients import Rejection
from dispatcher.recipients.files import open_recipients
from dispatcher.texts.templates import compile_template

_NAMES = ["Zoé", "André", "François", "Noël", "Hélène", "Marie", "ÉRIC", "Anaïs", "Nan", "Null"]
_PEOPLE = st.integers(0, 40).map("063998{:04}".format)


@dataclass(frozen=True)
class Line:
    """One row of a file, and what the model says of it: a reason, or none if it is texted."""

    cells: tuple[str, ...]
    reason: str | None


def spelled(number: str) -> st.SearchStrategy[str]:
    """The number as French files write it."""
    pairs = [number[at : at + 2] for at in range(0, 10, 2)]
    forms = (" ".join(pairs), ".".join(pairs), "-".join(pairs), number, number[1:])
    return st.sampled_from([*forms, f"+33{number[1:]}", f"0033 {number[1:]}", f"'{number}"])


@st.composite
def lines(draw: st.DrawFn) -> Line:
    number = draw(_PEOPLE.flatmap(spelled))
    name = draw(st.sampled_from(_NAMES))
    spoilt = st.sampled_from(
        [
            Line(("0199001234", name), "landline"),
            Line((f"{number} / 06 39 98 99 99", name), "several_numbers"),
            Line(("", name), "empty"),
            Line(("abc", name), "not_a_number"),
            Line(("0639", name), "too_short"),
            Line((number, name, "50", "x"), "too_many_cells"),
            Line(
                (number, draw(st.sampled_from(["", "NULL", "#N/A", "nan", " "]))), "missing_field"
            ),
        ]
    )
    fine = st.sampled_from([(number, name), (number, name, ""), (number, name, "12", "", " ")])
    return draw(fine.map(lambda cells: Line(cells, None)) | spoilt)


@dataclass(frozen=True)
class Form:
    """How a file is written."""

    encoding: str
    delimiter: str
    quoting: Literal[0, 1]
    end: str
    titles: int
    blank_before: bool
    blank_rows: bool

    def written(self, rows: list[Line]) -> tuple[bytes, dict[int, Line]]:
        """The bytes of the file, and its rows by their line."""
        text = io.StringIO(newline="")
        out = csv.writer(
            text, delimiter=self.delimiter, quoting=self.quoting, lineterminator=self.end
        )
        text.write(f"Fichier clients{self.end}" * self.titles)
        out.writerow(["mobile", "prénom", "ville"])
        number, by_line = self.titles + 1, {}
        for row in rows:
            if self.blank_rows:
                text.write(self.end)
                number += 1
            out.writerow(row.cells)
            number += 1
            by_line[number] = row
        content = text.getvalue()
        if self.blank_before and self.quoting == csv.QUOTE_ALL:
            content = content.replace(f'{self.delimiter}"', f'{self.delimiter} "')
        return content.encode(self.encoding), by_line


forms = st.builds(
    Form,
    encoding=st.sampled_from(
        ["utf-8", "utf-8-sig", "utf-16", "cp1252", "iso8859-15", "cp850", "mac-roman"]
    ),
    delimiter=st.sampled_from(";,\t|"),
    quoting=st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
    end=st.sampled_from(["\n", "\r\n"]),
    titles=st.integers(0, 2),
    blank_before=st.booleans(),
    blank_rows=st.booleans(),
)


@settings(max_examples=150)
@given(rows=st.lists(lines(), min_size=1, max_size=25), form=forms)
def test_spoiled_file_texts_whom_the_model_says_and_explains_the_rest(
    rows: list[Line], form: Form
) -> None:
    content, by_line = form.written(rows)
    rejected: list[Rejection] = []
    planner = Planner("Bonjour {{ prenom }} !", reject=rejected.append)
    fields = compile_template("Bonjour {{ prenom }} !").fields

    with open_recipients(io.BytesIO(content), keep=fields) as file:
        batches = list(planner.cut(file))

    texted = {phone: values for batch in batches for phone, values in batch.messages}
    expected: dict[str, str] = {}
    duplicates = 0
    reasons: dict[int, str] = {}
    for line, row in by_line.items():
        number = f"+33{''.join(filter(str.isdecimal, row.cells[0]))[-9:]}"
        if row.reason == "missing_field" and number in expected:
            duplicates += 1  # it is told before its text is made
        elif row.reason is not None:
            reasons[line] = row.reason
        elif number in expected:
            duplicates += 1
        else:
            expected[number] = row.cells[1]
    assert texted == {number: f'{{"prenom":"{name}"}}' for number, name in expected.items()}
    assert {one.row: one.code for one in rejected} == reasons
    assert all(one.detail for one in rejected)
    assert planner.duplicates == duplicates
    assert planner.rows == len(rows) == len(texted) + len(rejected) + duplicates
    assert Counter(one.code for one in rejected).total() == planner.reasons.total()

from __future__ import annotations

import csv
import gzip
import io
import os
import resource
import stat
import sys
import time
import tracemalloc
import zipfile
from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatcher.errors import InvalidFile
from dispatcher.recipients import Recipient, Rejection
from dispatcher.recipients.files import RecipientFile, RejectsWriter, open_recipients
from dispatcher.recipients.reasons import EXPLANATIONS

ONE, TWO, THREE = "06 39 98 00 01", "06 39 98 00 02", "06 39 98 00 03"
SIMPLE = f"téléphone;prénom\r\n{ONE};Zoé\r\n{TWO};Hélène\r\n"


class Pipe(io.RawIOBase):
    """Bytes that arrive a few at a time and cannot be read twice."""

    def __init__(self, content: bytes, step: int = 3) -> None:
        super().__init__()
        self._rest = content
        self._step = step

    def readable(self) -> bool:
        return True

    def readinto(self, target: Any) -> int:
        size = min(self._step, len(target), len(self._rest))
        target[:size], self._rest = self._rest[:size], self._rest[size:]
        return size


def pipe(content: bytes, step: int = 1000) -> BinaryIO:
    return Pipe(content, step)  # type: ignore[return-value]


def opened(content: str | bytes, **options: Any) -> RecipientFile:
    raw = content if isinstance(content, bytes) else content.encode()
    return open_recipients(io.BytesIO(raw), **options)


def phones(content: str | bytes, **options: Any) -> list[str]:
    return [recipient.phone for recipient in opened(content, **options)]


def refusal(content: str | bytes, **options: Any) -> str:
    with pytest.raises(InvalidFile) as caught:
        list(opened(content, **options))
    assert "39 98" not in str(caught.value)
    return str(caught.value)


# -- what a row becomes


def test_row_becomes_a_recipient_with_its_fields_its_line_and_its_raw_cells() -> None:
    with opened(SIMPLE) as file:
        assert file.columns == ("téléphone", "prénom")
        assert file.phone_column == "téléphone"
        assert file.delimiter == ";"
        assert file.encoding == "utf-8"
        recipients = list(file)
    assert recipients == [
        Recipient(ONE, {"téléphone": ONE, "prénom": "Zoé"}, row=2),
        Recipient(TWO, {"téléphone": TWO, "prénom": "Hélène"}, row=3),
    ]
    assert recipients[1].raw == (TWO, "Hélène")
    assert file.rows_read == 2


def test_rows_are_counted_as_they_are_read() -> None:
    file = opened(SIMPLE)
    assert file.rows_read == 0
    next(file)
    assert file.rows_read == 1


def test_row_number_is_the_line_on_which_the_record_starts() -> None:
    text = f'\n\ntel;note\n{ONE};"two\nlines"\n\n;;\n{TWO};x\r\n{THREE};"a\r\nb\rc"\n{ONE};y\n'
    assert [(one.row, one.fields["note"]) for one in opened(text)] == [
        (4, "two\nlines"),
        (8, "x"),
        (9, "a\r\nb\rc"),
        (12, "y"),
    ]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_line_end_is_understood(end: str) -> None:
    rows = [(one.phone, one.row) for one in opened(end.join(["tel", ONE, "", TWO]))]
    assert rows == [(ONE, 2), (TWO, 4)]


def test_blank_rows_are_skipped_in_silence() -> None:
    file = opened(f"tel;nom\n\n{ONE};a\n;\n   \n ; \n{TWO};b\n\n")
    assert [one.phone for one in file] == [ONE, TWO]
    assert file.rows_read == 2


def test_missing_cells_are_empty_and_cells_beyond_the_header_are_only_in_raw() -> None:
    short, long, headless = list(opened(f"nom;tel;ville\na;{ONE}\nb;{TWO};c;d\ne\n"))
    assert short.fields == {"nom": "a", "tel": ONE, "ville": ""}
    assert short.raw == ("a", ONE)
    assert long.fields == {"nom": "b", "tel": TWO, "ville": "c"}
    assert long.raw == ("b", TWO, "c", "d")
    assert (short.fault, long.fault) == (None, "too_many_cells")
    # somebody is there, without a number: to be refused, not lost
    assert (headless.phone, headless.row, headless.raw) == ("", 4, ("e",))


def test_territory_column_overrides_and_an_empty_one_does_not() -> None:
    text = f"tel;Territoire;zone\n{ONE}; mayotte ;guyane\n{TWO};;\n"
    assert [one.territory for one in opened(text)] == ["mayotte", None]
    assert [one.territory for one in opened(text, territory_column="zone")] == ["guyane", None]
    assert [one.territory for one in opened(text, territory_column="3")] == ["guyane", None]


# -- fields asked for


@pytest.mark.parametrize(
    ("keep", "fields"),
    [
        pytest.param(None, {"tel": ONE, "Prénom": "Zoé", "prenom": "x", "Ville": "Y"}, id="all"),
        pytest.param((), {}, id="none"),
        pytest.param(["prenom"], {"prenom": "x"}, id="the exact name first"),
        pytest.param(["ville", "tel"], {"ville": "Y", "tel": ONE}, id="spelled as asked"),
        pytest.param({"VILLE"}, {"VILLE": "Y"}, id="case and accents aside"),
    ],
)
def test_only_the_fields_asked_for_are_kept(keep: Any, fields: dict[str, str]) -> None:
    [one] = opened(f"tel;Prénom;prenom;Ville\n{ONE};Zoé;x;Y\n", keep=keep)
    assert one.fields == fields
    assert one.raw == (ONE, "Zoé", "x", "Y")


def test_field_that_the_file_lacks_is_refused_with_the_columns_that_it_has() -> None:
    assert refusal(SIMPLE, keep=["nom"]) == "no column 'nom'; the file has 'téléphone', 'prénom'"


def test_field_that_two_columns_may_mean_is_refused() -> None:
    complaint = refusal(f"tel;Prénom;prenom\n{ONE};a;b\n", keep=["PRENOM"])
    assert complaint == "the column 'PRENOM' may be any of 'Prénom', 'prenom'"


# -- which column holds the number


@pytest.mark.parametrize(
    ("text", "options", "expected"),
    [
        pytest.param(f"tel;portable\n0199000001;{ONE}\n", {}, ONE, id="a mobile name wins"),
        pytest.param(f"a;b\nx;{ONE}\n", {"column": "b"}, ONE, id="by name"),
        pytest.param(f"a;Été\nx;{ONE}\n", {"column": "ete"}, ONE, id="by a name without accents"),
        pytest.param(f"a;b\nx;{ONE}\n", {"column": "2"}, ONE, id="by position"),
        pytest.param(f"2;b\n{ONE};x\n", {"column": "2"}, ONE, id="a name before a position"),
        pytest.param(f"tel;b\n{TWO};{ONE}\n", {"column": "b"}, ONE, id="against its name"),
        pytest.param(f"{ONE}\n", {}, ONE, id="no header, one column"),
        pytest.param(f"75011;Zoé;{ONE};12\n", {}, ONE, id="no header, the number-like column"),
        pytest.param(f"20261124;{ONE}\n", {}, ONE, id="no header, a date before the number"),
        pytest.param(f"0199000001;{ONE}\n", {}, ONE, id="no header, a landline before the mobile"),
        pytest.param(f"Zoé;mobile;{ONE}\n", {}, ONE, id="no header, a cell that says mobile"),
        pytest.param(f"{TWO};{ONE}\n", {"column": "2"}, ONE, id="no header, by position"),
        pytest.param("06399800\n", {}, "06399800", id="no header, too short to be texted"),
        pytest.param("6.3998E+08\n", {}, "6.3998E+08", id="no header, a spreadsheet's float"),
        pytest.param(f"sep=,\ntel,nom\n{ONE},x\n", {}, ONE, id="after a spreadsheet's sep line"),
        pytest.param(f";tel;\nx;{ONE};y\n", {}, ONE, id="beside columns without a name"),
    ],
)
def test_number_is_found(text: str, options: dict[str, Any], expected: str) -> None:
    assert phones(text, **options) == [expected]


def test_without_a_header_columns_go_by_position_and_the_first_row_is_a_person() -> None:
    file = opened(f"Zoé;{ONE}\nPaul;{TWO}\n")
    assert file.columns == ("1", "2")
    assert file.phone_column == "2"
    assert [(one.row, one.fields) for one in file] == [
        (1, {"1": "Zoé", "2": ONE}),
        (2, {"1": "Paul", "2": TWO}),
    ]


def test_column_without_a_name_goes_by_its_position() -> None:
    assert opened(f"tel;;nom\n{ONE};a;b\n").columns == ("tel", "2", "nom")


@pytest.mark.parametrize(
    ("text", "options", "complaint"),
    [
        pytest.param(f"tel; tel\n{ONE};a\n", {}, "'tel' is twice in the header", id="twice"),
        pytest.param(
            f"tel;nom;nom\n{ONE};a;b\n",
            {"keep": ["nom"]},
            "twice; name it by its position, 2 or 3",
            id="used",
        ),
        pytest.param(SIMPLE, {"column": "gsm"}, "no column 'gsm'; the file has 'té", id="unknown"),
        pytest.param(SIMPLE, {"column": "3"}, "no column '3'", id="beyond the last"),
        pytest.param(SIMPLE, {"column": "0"}, "no column '0'", id="positions start at 1"),
        pytest.param(SIMPLE, {"territory_column": "zone"}, "no column 'zone'", id="territory"),
        pytest.param(f"{ONE};a\n", {"column": "tel"}, "has '1', '2'", id="a name, no header"),
        pytest.param("nom;ville\na;b\n", {}, "name one as column: 'nom', 'ville'", id="no phone"),
        pytest.param(f"gsm;mobile\n{ONE};\n", {}, "several columns .*'gsm', 'mobile'", id="two"),
        pytest.param(f"né {ONE};p\nq;r\n", {"column": "tel"}, r"1\), 'p'", id="people unshown"),
    ],
)
def test_unclear_column_raises_with_its_name(
    text: str, options: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(InvalidFile, match=complaint) as caught:
        opened(text, **options)
    assert "39 98" not in str(caught.value)


# -- delimiters


@pytest.mark.parametrize(
    ("text", "delimiter"),
    [
        ("tel;nom\n{};a\n", ";"),
        ("tel,nom\n{},a\n", ","),
        ("tel\tnom\n{}\ta\n", "\t"),
        ("tel|nom\n{}|a\n", "|"),
        ("tel\n{}\n", None),
        ("tel;nom, prénom;prix\n{};a;12,5\n", ";"),  # commas inside cells
        ("{};12,5\n{};13,5\n", ";"),  # a decimal comma splits as consistently
        ("nom,tel,a;b\na,{},c;d\n", ","),  # the name says where
        ('"tel","a;b;c"\n{},"x;y;z"\n', ","),  # quoted
        ("sep=|\na;tel|b\nx;y|{}\n", "|"),  # said
        ('sep=\t\r\ntel\t"n"\n{}\ta\n', "\t"),
        ('tel;note\n{};"' + "a, b\n" * 80 + '"\n{};c\n', ";"),  # the sample ends inside a cell
    ],
)
def test_delimiter_is_found(text: str, delimiter: str | None) -> None:
    column = "b" if text.startswith("sep=|") else None
    file = opened(text.replace("{}", ONE), column=column)
    assert file.delimiter == delimiter
    assert {one.phone for one in file} == {ONE}


def test_in_a_file_of_one_column_two_numbers_in_a_cell_stay_together() -> None:
    assert phones(f"tel\n{ONE}\n{ONE}, {TWO}\n") == [ONE, f"{ONE}, {TWO}"]


# -- encodings


@pytest.mark.parametrize(
    ("encoding", "found"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8-sig"),
        ("utf-16", "utf-16"),
        ("cp1252", "cp1252"),
    ],
)
@pytest.mark.parametrize("way", ["seekable", "pipe", "gzip", "path"])
def test_encoding_is_found(encoding: str, found: str, way: str, tmp_path: Path) -> None:
    raw = SIMPLE.replace("Zoé", "Zoé € à l’Œuvre").encode(encoding)
    path = tmp_path / "people.csv"
    path.write_bytes(raw)
    source: dict[str, Path | BinaryIO] = {
        "seekable": io.BytesIO(raw),
        "pipe": pipe(raw, 1),
        "gzip": pipe(gzip.compress(raw), 7),
        "path": path,
    }
    with open_recipients(source[way]) as file:
        names = [one.fields["prénom"] for one in file]
    assert names == ["Zoé € à l’Œuvre", "Hélène"]
    assert file.encoding == found


@pytest.mark.parametrize("big_endian", [False, True])
def test_utf_16_of_either_end_is_read(big_endian: bool) -> None:
    raw = ("\ufeff" + SIMPLE).encode("utf-16-be" if big_endian else "utf-16-le")
    assert phones(raw) == [ONE, TWO]


def ascii_rows(count: int) -> bytes:
    return b"tel;nom\n" + f"{ONE};Paul\n".encode() * count


def test_file_that_proves_to_be_cp1252_after_a_million_bytes_is_read_so() -> None:
    raw = ascii_rows(60_000) + f"{TWO};Hélène\n{THREE};Zoé\n".encode("cp1252")
    for source in (io.BytesIO(raw), pipe(raw)):
        file = open_recipients(source)
        assert file.encoding == "utf-8"
        assert [one.fields["nom"] for one in file][-3:] == ["Paul", "Hélène", "Zoé"]
        assert file.encoding == "cp1252"


def test_cp1252_letter_at_the_very_end_is_read() -> None:
    assert [one.fields["nom"] for one in opened(f"tel;nom\n{ONE};Zoé".encode("cp1252"))] == ["Zoé"]


@pytest.mark.parametrize(
    ("raw", "line"),
    [
        pytest.param(
            SIMPLE.encode() + f"{THREE};Zoé\r\n".encode("cp1252"), 4, id="cp1252 after utf-8"
        ),
        pytest.param(
            f"tel;nom\n{ONE};Zoé\n".encode("cp1252") + f"{TWO};Hélène\n".encode(),
            3,
            id="utf-8 after cp1252",
        ),
        pytest.param(
            f"tel;nom\n{ONE};Zoé\n".encode() + ascii_rows(60_000) + b"\xe9;x\n",
            60_004,
            id="far into a file that began as utf-8",
        ),
        pytest.param(
            f"\ufefftel;nom\n{ONE};a\n".encode() + b"\xe9\n", 3, id="in a file marked as utf-8"
        ),
        pytest.param(f"tel;nom\n{ONE};Zoé\n{TWO};\x81".encode("latin-1"), 3, id="neither"),
        pytest.param(f"tel\r{ONE}\r\r".encode("utf-16") + b"x", 4, id="half a utf-16 character"),
    ],
)
def test_bytes_of_another_encoding_are_refused_with_their_line(raw: bytes, line: int) -> None:
    complaint = refusal(raw)
    assert f"line {line} " in complaint
    assert "encoding" in complaint


def test_caller_may_name_the_encoding() -> None:
    raw = f"tel;nom\n{ONE};ZoÃ©\n".encode("cp1252")  # valid UTF-8, and meant otherwise
    assert next(opened(raw)).fields["nom"] == "Zoé"
    assert next(opened(raw, encoding="windows-1252")).fields["nom"] == "ZoÃ©"
    assert phones(SIMPLE.encode("utf-8-sig"), encoding="utf-8") == [ONE, TWO]
    assert phones(("\ufeff" + SIMPLE).encode("utf-16-le"), encoding="utf-16-le") == [ONE, TWO]


@pytest.mark.parametrize("encoding", ["klingon", "hex", "undefined", "a\0b", "\ud800"])
def test_encoding_that_does_not_exist_is_refused(encoding: str) -> None:
    assert refusal(SIMPLE, encoding=encoding) == f"unknown encoding {encoding!r}"


@pytest.mark.parametrize(
    ("encoding", "raw", "line"),
    [
        ("utf-16", SIMPLE.encode("utf-16-le"), 1),  # its mark is missing
        ("punycode", SIMPLE.encode(), 1),
        ("unicode-escape", b"tel\n\\x\xe9\n", 1),
    ],
)
def test_file_that_the_named_encoding_cannot_read_is_refused(
    encoding: str, raw: bytes, line: int
) -> None:
    assert refusal(raw, encoding=encoding).startswith(f"line {line} is not valid {encoding}; save")


def test_mark_on_the_first_cell_does_not_hide_a_quoted_header() -> None:
    assert opened(f'\ufeff"téléphone";"nom"\n{ONE};x\n').columns == ("téléphone", "nom")


# -- files that cannot be read


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        pytest.param(b"", "the file is empty", id="empty"),
        pytest.param(b"\xef\xbb\xbf", "the file is empty", id="only a mark"),
        pytest.param(b"\n\r\n ; \n", "the file is empty", id="only blanks"),
        pytest.param("téléphone;nom\n\n;\n", "a header and no recipient", id="only a header"),
        pytest.param(
            f"tel\n{ONE}\n06\0{TWO}\n", "line 3 holds a NUL byte, its character 3", id="a NUL byte"
        ),
        pytest.param(
            f'tel;nom\n{ONE};a\n\n{TWO};"b\n{THREE};c\n',
            "row that begins on line 4 opens a quote that is never closed",
            id="an open quote would swallow people",
        ),
        pytest.param(
            f'tel;nom\n{ONE};"a\n{TWO};"b"\n',
            "row that begins on line 2 has text after",
            id="stray text",
        ),
        pytest.param(
            f"tel;nom\n{ONE};a\n{TWO};{'x' * 1_300_000}\n",
            "line 3 is over 1 MB long",
            id="a line over 1 MB",
        ),
        pytest.param(
            f'tel;nom\n{ONE};a\n{TWO};"' + "xyz\n" * 300_000 + '"\n',
            "row that begins on line 3 has a cell of over",
            id="a cell over 1 MB",
        ),
        pytest.param(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "old or locked Excel", id="xls"),
        pytest.param(gzip.compress(SIMPLE.encode())[:-9], "damaged or truncated", id="half gzip"),
        pytest.param(b"\x1f\x8b\x08\x00nothing of the kind", "damaged or truncated", id="no gzip"),
        pytest.param(b"PK\x03\x04 and no archive", "XLSX file is damaged", id="no zip"),
    ],
)
def test_unreadable_file_raises_with_its_line(content: str | bytes, complaint: str) -> None:
    assert complaint in refusal(content)


def test_path_that_cannot_be_opened_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidFile, match=r"none\.csv: No such file"):
        open_recipients(tmp_path / "none.csv")
    with pytest.raises(InvalidFile, match="Is a directory"):
        open_recipients(str(tmp_path))


def test_stream_of_text_is_refused() -> None:
    with pytest.raises(InvalidFile, match="binary mode"):
        open_recipients(io.StringIO(SIMPLE))  # type: ignore[arg-type]


# -- sources


def test_dash_reads_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(SIMPLE.encode())))
    with open_recipients("-") as file:
        assert [one.phone for one in file] == [ONE, TWO]
    assert not sys.stdin.closed


def test_stream_is_read_from_its_position_and_stays_open() -> None:
    stream = io.BytesIO(b"preface\n" + SIMPLE.encode())
    stream.readline()
    with open_recipients(stream) as file:
        assert [one.phone for one in file] == [ONE, TWO]
    assert not stream.closed


def test_closing_ends_the_reading(tmp_path: Path) -> None:
    path = tmp_path / "people.csv.gz"
    path.write_bytes(gzip.compress(SIMPLE.encode()))
    with open_recipients(path) as file:
        next(file)
    assert list(file) == []


def test_memory_stays_flat() -> None:
    row = f"{ONE};{'x' * 90}\n".encode()
    source = pipe(gzip.compress(b"tel;nom\n" + row * 60_000), 4096)
    tracemalloc.start()
    try:
        assert sum(1 for _ in open_recipients(source)) == 60_000
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 3_000_000  # of 6.6 MB of text


# -- workbooks


def workbook(*rows: list[object]) -> bytes:
    book = pytest.importorskip("openpyxl").Workbook()
    sheet = book.active
    for row in rows:
        sheet.append(row)
    book.create_sheet("other").append([THREE])
    saved = io.BytesIO()
    book.save(saved)
    return saved.getvalue()


@pytest.mark.parametrize("way", ["seekable", "pipe", "gzip"])
def test_first_sheet_of_a_workbook_is_read(way: str) -> None:
    raw = workbook(
        ["Prénom", "Portable"], ["Zoé", 639980001], [], ["Paul", "+33639980002", "x"], ["Léa"]
    )
    source = {"seekable": io.BytesIO(raw), "pipe": pipe(raw), "gzip": pipe(gzip.compress(raw))}
    with open_recipients(source[way]) as file:
        rows = [(one.row, one.phone, one.fields["Prénom"]) for one in file]
    assert rows == [(2, "639980001", "Zoé"), (4, "+33639980002", "Paul"), (5, "", "Léa")]
    assert (file.encoding, file.delimiter, file.columns) == (None, None, ("Prénom", "Portable"))


def test_workbook_that_lies_about_its_size_is_read_to_its_end() -> None:
    lying = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(workbook(["tel", "nom"], [ONE, "a"], [TWO, "b"]))) as result,
        zipfile.ZipFile(lying, "w") as target,
    ):
        for name in result.namelist():
            member = result.read(name)
            if name.endswith("sheet1.xml"):
                assert b'<dimension ref="A1:B3"' in member
                member = member.replace(b'<dimension ref="A1:B3"', b'<dimension ref="A1"')
            target.writestr(name, member)
    assert phones(lying.getvalue()) == [ONE, TWO]


def test_broken_workbook_is_refused() -> None:
    raw = workbook(["tel"], [ONE])
    assert "damaged" in refusal(raw[:-30])
    broken = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(raw)) as result, zipfile.ZipFile(broken, "w") as target:
        for name in result.namelist():
            member = result.read(name)
            target.writestr(name, member[:-40] if name.endswith("sheet1.xml") else member)
    assert "damaged after row" in refusal(broken.getvalue())


def test_another_zip_archive_is_refused() -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as target:
        target.writestr("people.csv", SIMPLE)
    assert "no XLSX workbook" in refusal(archive.getvalue())


def test_without_openpyxl_a_workbook_is_refused_with_the_remedy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    raw = workbook(["tel"], [ONE])
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    assert "pip install openpyxl" in refusal(raw)


SHEET = "xl/worksheets/sheet1.xml"
_HEADER = b'<row r="1"><c r="A1" t="inlineStr"><is><t>tel</t></is></c></row>'


_SHARED = (
    b'<Override PartName="/xl/sharedStrings.xml" ContentType='
    b'"application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"/>'
)


def sheet(rows: Iterable[bytes]) -> Iterable[bytes]:
    name = b"http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    yield b'<worksheet xmlns="' + name + b'"><sheetData>' + _HEADER
    yield from rows
    yield b"</sheetData></worksheet>"


def bomb(blocks: Iterable[bytes], part: str = SHEET) -> bytes:
    """A workbook in which one part is replaced or added."""
    made = io.BytesIO()
    more = _SHARED if "shared" in part else b""
    with (
        zipfile.ZipFile(io.BytesIO(workbook(["tel"], ["a"]))) as source,
        zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as target,
    ):
        for name in {*source.namelist(), part}:
            with target.open(name, "w", force_zip64=True) as file:
                for block in blocks if name == part else [source.read(name)]:
                    file.write(block.replace(b"</Types>", more + b"</Types>"))
    return made.getvalue()


def shared(strings: Iterable[bytes]) -> Iterable[bytes]:
    yield b'<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
    yield from strings
    yield b"</sst>"


MB = b"x" * 1_000_000


@pytest.mark.parametrize(
    ("raw", "complaint"),
    [
        pytest.param(
            lambda: bomb(sheet([b'<row r="2000000000"><c r="A2"><v>1</v></c></row>'])),
            "over 1,048,576 rows",
            id="far row",
        ),
        pytest.param(
            lambda: bomb(sheet([b"<row/>" * 100_000] * 20)), "over 1,048,576 rows", id="many rows"
        ),
        pytest.param(
            lambda: bomb(sheet([b'<row><c r="XFD2"><v>1</v></c></row>' * 1000] * 200)),
            "over 1,000 columns",
            id="far column",
        ),
        pytest.param(
            lambda: bomb(
                sheet([b'<row><c t="inlineStr"><is><t>', *[MB] * 60, b"</t></is></c></row>"])
            ),
            "over 1 MB in row 2",
            id="large cell",
        ),
        pytest.param(
            lambda: bomb(sheet([b"<row>", *[b"<c/>" * 250_000] * 40, b"</row>"])),
            "over 1 MB in row 2",
            id="many cells",
        ),
        pytest.param(
            lambda: bomb(shared([b"<si><t>a</t></si>" * 100_000] * 60), "xl/sharedStrings.xml"),
            "100 times its size|over 2,097,152 texts",
            id="many shared strings",
        ),
        pytest.param(
            lambda: bomb(shared([b"<si><t>", *[MB] * 20, b"</t></si>"]), "xl/sharedStrings.xml"),
            "over 1 MB in row 1",
            id="large shared string",
        ),
        pytest.param(
            lambda: bomb([b"<styleSheet>", *[MB] * 20, b"</styleSheet>"], "xl/styles.xml"),
            "over 8 MB",
            id="large styles",
        ),
        pytest.param(
            lambda: bomb([b'<!DOCTYPE a [<!ENTITY b "c">]>', *sheet([])]),
            "document type",
            id="entities",
        ),
        pytest.param(
            lambda: gzip.compress(b"tel\n" + b"\n" * 100_000_000, 9),
            "100 times",
            id="gzip of blanks",
        ),
        pytest.param(
            lambda: gzip.compress(bomb(sheet([])) + bytes(200_000_000), 1),
            "100 times",
            id="gzip of a workbook",
        ),
    ],
)
def test_file_that_unpacks_beyond_bounds_is_refused_in_seconds_and_little_memory(
    raw: Callable[[], bytes], complaint: str
) -> None:
    source = io.BytesIO(raw())
    began, before = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(InvalidFile, match=complaint):
        deque(open_recipients(source), maxlen=0)
    assert time.process_time() - began < 60
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300_000  # in kB


def test_row_of_a_csv_file_beyond_the_bound_is_refused() -> None:
    assert "over 1,000 columns" in refusal("tel;nom\n" + ONE + ";" * 2000)
    assert "over 1,000 columns" in refusal("tel" + ";" * 2000 + "\n" + ONE)


def test_large_list_of_links_after_the_rows_of_a_workbook_is_read() -> None:
    links = b"<hyperlinks>" + b'<hyperlink ref="B2" display="a"/>' * 60_000 + b"</hyperlinks>"
    row = f'<row r="2"><c t="inlineStr"><is><t>{ONE}</t></is></c></row>'.encode()
    parts = [*sheet([row])]
    parts[-1] = b"</sheetData>" + links + b"</worksheet>"
    with open_recipients(io.BytesIO(bomb(parts))) as file:
        assert [one.phone for one in file] == [ONE]


# -- rejects


WHY = EXPLANATIONS["landline"]


def rejects(path: Path) -> list[list[str]]:
    raw = path.read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf")
    return list(csv.reader(io.StringIO(raw.decode("utf-8-sig"), newline=""), delimiter=";"))


def refused(*raw: str, row: int | None = 2, reason: str = "landline") -> Rejection:
    return Rejection(row=row, raw=raw, reason=reason, code=reason)


def test_without_rejects_no_file_is_created(tmp_path: Path) -> None:
    with RejectsWriter(tmp_path / "rejects.csv", ["tel"]) as writer:
        pass
    assert writer.count == 0
    assert list(tmp_path.iterdir()) == []


def test_rejected_row_is_written_unchanged_with_line_and_reason(tmp_path: Path) -> None:
    path = tmp_path / "rejects.csv"
    with RejectsWriter(path, ["tel", "nom"]) as writer:
        writer.write(refused("0199000001", "Zoé; dite\n“Z”"))
        writer.write(refused("0199000002", row=None))
        writer.write(refused("1", "b", "more", row=7))
        writer.write(Rejection(row=8, raw="0199000003", reason="empty"))
    assert rejects(path) == [
        ["tel", "nom", "line", "reason", "explanation"],
        ["0199000001", "Zoé; dite\n“Z”", "2", "landline", WHY],
        ["0199000002", "", "", "landline", WHY],
        ["1", "b", "7", "landline", WHY, "more"],
        ["0199000003", "", "8", "empty", "empty"],
    ]
    assert writer.count == 4


@pytest.mark.skipif(os.name == "nt", reason="file modes are POSIX")
@pytest.mark.parametrize("there_before", [False, True])
def test_rejects_file_is_readable_only_by_its_owner(tmp_path: Path, there_before: bool) -> None:
    path = tmp_path / "rejects.csv"
    if there_before:
        path.write_text("old and longer than what follows " * 10, encoding="utf-8")
        path.chmod(0o644)
    with RejectsWriter(str(path), ["tel"]) as writer:
        writer.write(refused("1"))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert rejects(path) == [["tel", "line", "reason", "explanation"], ["1", "2", "landline", WHY]]


@pytest.mark.parametrize(
    "cell",
    [
        "=1+1",
        "+33639980001",
        "-1",
        "@SUM(A1)",
        "\tx",
        "\rx",
        "  =1+1",
        "\u00a0=1",
        "\u202a+33639980001",  # a contact card's direction mark
        "\ufeff=1",
        "\n=1",
        "＝1+1",  # full width
        "＋1",
        "－1",
        "＠x",
        "\u3000＝1",
        "﹦1",  # small form
    ],
)
def test_cell_never_starts_a_formula(tmp_path: Path, cell: str) -> None:
    path = tmp_path / "rejects.csv"
    with RejectsWriter(path, [cell]) as writer:
        writer.write(refused(cell))
    assert rejects(path) == [
        [f"'{cell}", "line", "reason", "explanation"],
        [f"'{cell}", "2", "landline", WHY],
    ]


@pytest.mark.parametrize("cell", ["", " ", "06 39 98", "a=b", "'=1", "Jean-Luc", "é@x", "“=1”"])
def test_harmless_cell_stays_as_it_is(tmp_path: Path, cell: str) -> None:
    path = tmp_path / "rejects.csv"
    with RejectsWriter(path, ["tel"]) as writer:
        writer.write(refused(cell))
    assert rejects(path)[1] == [cell, "2", "landline", WHY]


def test_callers_stream_is_flushed_and_stays_open() -> None:
    stream = io.BytesIO()
    with RejectsWriter(stream, ["tel"]) as writer:
        writer.write(refused("1"))
    assert stream.getvalue().startswith(b'\xef\xbb\xbf"tel";"line";"reason";"explanation"\r\n"1";')


def test_rejects_that_were_repaired_can_be_read_and_refused_again(tmp_path: Path) -> None:
    first, second = tmp_path / "1.csv", tmp_path / "2.csv"
    with RejectsWriter(first, ["tel", "nom"]) as writer:
        writer.write(refused("+33199000001", "Zoé"))
    with open_recipients(first) as file, RejectsWriter(second, file.columns) as writer:
        for one in file:
            writer.write(one.rejected("landline"))
    assert rejects(second) == [
        [
            *("tel", "nom", "line", "reason", "explanation"),
            *("line 2", "reason 2", "explanation 2"),
        ],
        ["'+33199000001", "Zoé", "2", "landline", WHY, "2", "landline", WHY],
    ]


# -- any cells at all

ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "cp1252"]
CP1252 = "".join(
    character for character in map(chr, range(1, 0x2200)) if character.encode("cp1252", "ignore")
)


@st.composite
def tables(draw: st.DrawFn, encoding: str) -> list[list[str]]:
    if encoding == "cp1252":
        characters = st.sampled_from(CP1252)
    else:
        # with the characters at which str.splitlines would cut
        whole = st.characters(exclude_characters="\0", exclude_categories=["Cs"])
        characters = whole | st.sampled_from("\u2028\x85\x0b\x1c")
    cell = st.text(characters | st.sampled_from("\"'\r\n ,;\t|="), max_size=12)
    width = draw(st.integers(1, 4))
    return draw(st.lists(st.lists(cell, min_size=width, max_size=width), min_size=1, max_size=70))


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("delimiter", [";", ",", "\t", "|"])
@settings(max_examples=40)
@given(data=st.data())
def test_any_cells_come_back_as_they_were(
    encoding: str, delimiter: str, data: st.DataObject
) -> None:
    rows = [[f"06 39 98 {at:05d}", *row] for at, row in enumerate(data.draw(tables(encoding)))]
    header = ["téléphone", *(f"colonne {at}" for at in range(1, len(rows[0])))]
    written = io.StringIO(newline="")
    csv.writer(written, delimiter=delimiter, quoting=csv.QUOTE_ALL).writerows([header, *rows])
    raw = written.getvalue().encode(encoding)
    source = pipe(raw, 97) if data.draw(st.booleans()) else io.BytesIO(raw)
    # cells of chance may hold what looks like UTF-8 misread: here the encoding is the caller's
    named = encoding if encoding == "cp1252" else None
    with open_recipients(source, encoding=named) as file:
        read = list(file)
    assert file.delimiter == delimiter
    assert [list(one.raw) for one in read] == rows
    assert [one.fields for one in read] == [dict(zip(header, row, strict=True)) for row in rows]


@settings(max_examples=60)
@given(raw=st.binary(max_size=400) | st.text(max_size=200).map(str.encode))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    for content in (raw, b"tel;nom\n" + raw):
        try:
            read = list(opened(content))
        except InvalidFile:
            continue
        assert all(isinstance(one.phone, str) and one.row for one in read)
        assert read


# -- keys -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "named", "keys"),
    [
        ("mobile;key", None, ["A1", None]),
        ("mobile;Clé", None, ["A1", None]),
        ("mobile;CLE", None, ["A1", None]),
        ("mobile;client_id", None, [None, None]),
        ("mobile;client_id", "client id", ["A1", None]),
        ("mobile;client_id", "2", ["A1", None]),
    ],
)
def test_key_is_in_the_column_that_says_so(
    header: str, named: str | None, keys: list[str | None]
) -> None:
    content = io.BytesIO(f"{header}\n{ONE};A1\n{TWO};NULL\n".encode())

    with open_recipients(content, key_column=named) as file:
        assert [one.key for one in file] == keys


def test_column_of_keys_is_a_field_too() -> None:
    content = io.BytesIO(f"mobile;key\n{ONE};A1\n".encode())

    with open_recipients(content, keep=["key"]) as file:
        (one,) = file

    assert (one.key, dict(one.fields)) == ("A1", {"key": "A1"})


def test_two_columns_that_may_hold_keys_are_none() -> None:
    content = io.BytesIO(f"mobile;key;clé\n{ONE};A1;B1\n".encode())

    with open_recipients(content) as file:
        assert [one.key for one in file] == [None]


def test_unknown_column_of_keys_is_refused() -> None:
    content = io.BytesIO(f"mobile;key\n{ONE};A1\n".encode())

    with pytest.raises(InvalidFile, match="no column 'id'"):
        open_recipients(content, key_column="id")


@pytest.mark.parametrize(
    ("header", "named"),
    [
        ("mobile;last_contact", None),
        ("mobile;Dernier contact", None),
        ("mobile;Date du dernier contact", None),
        ("mobile;LastContactDate", None),
        ("mobile;achat", "achat"),
        ("mobile;achat", "2"),
    ],
)
def test_column_of_last_contacts_is_read(header: str, named: str | None) -> None:
    content = io.BytesIO(f"{header}\n{ONE};24/11/2023\n{TWO};\n".encode())

    with open_recipients(content, last_contact_column=named) as file:
        assert [one.last_contact for one in file] == ["24/11/2023", ""]


@pytest.mark.parametrize("header", ["mobile;contact", "mobile;last_contact;dernier contact"])
def test_column_that_may_hold_something_else_has_no_last_contacts(header: str) -> None:
    content = io.BytesIO(f"{header}\n{ONE};24/11/2023;24/11/2024\n".encode())

    with open_recipients(content) as file:
        assert [one.last_contact for one in file] == [None]

"""Workbooks as people keep them: sheets, hidden rows, and cells as they are shown."""

from __future__ import annotations

import base64
import io
import random
import sys
import zipfile
import zlib
from contextlib import suppress
from datetime import date, datetime, time, timedelta
from typing import Any

import pytest

from dispatcher.errors import InvalidFile
from dispatcher.recipients.dates import date_of
from dispatcher.recipients.files import RecipientFile, open_recipients
from dispatcher.recipients.files.number_formats import shown

openpyxl = pytest.importorskip("openpyxl")
ONE, TWO, THREE = "0639980001", "0639980002", "0639980003"


def xlsx(**sheets: list[list[object]]) -> Any:
    """A workbook with sheets of these rows, not saved yet."""
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    return book


def saved(book: Any) -> io.BytesIO:
    stream = io.BytesIO()
    book.save(stream)
    stream.seek(0)
    return stream


def opened(book: Any, **options: Any) -> RecipientFile:
    return open_recipients(saved(book), **options)


def refusal(source: io.BytesIO, **options: Any) -> str:
    with pytest.raises(InvalidFile) as caught:
        list(open_recipients(source, **options))
    return str(caught.value)


# -- sheets


def test_visible_sheet_with_numbers_is_read_and_the_others_are_named() -> None:
    book = xlsx(Ancien=[["mobile"], [ONE]], Notes=[["à faire"]], Clients=[["mobile"], [TWO]])
    book["Ancien"].sheet_state = "hidden"
    book.active = 2
    file = opened(book)
    assert (file.sheet, [one.phone for one in file]) == ("Clients", [TWO])
    assert file.notes == ["sheet 'Clients' is read; left out: 'Ancien' (hidden), 'Notes'"]


@pytest.mark.parametrize("name", ["Ancien", "ancien"])
def test_sheet_that_is_named_is_read_even_if_it_is_hidden(name: str) -> None:
    book = xlsx(Ancien=[["mobile"], [ONE]], Clients=[["mobile"], [TWO]])
    book["Ancien"].sheet_state = "veryHidden"
    book.active = 1
    assert [one.phone for one in opened(book, sheet=name)] == [ONE]


def test_several_possible_lists_are_a_question() -> None:
    complaint = refusal(saved(xlsx(Paris=[["mobile"], [ONE]], Lyon=[["mobile"], [TWO]])))
    assert complaint == "which sheet is the list? 'Paris', 'Lyon': name one (--sheet)"


def test_unknown_sheet_is_refused_with_the_names() -> None:
    book = xlsx(Paris=[["mobile"], [ONE]], Lyon=[["mobile"], [TWO]])
    assert refusal(saved(book), sheet="Nice") == (
        "no sheet 'Nice'; the workbook has 'Paris', 'Lyon'"
    )


def test_list_in_hidden_sheets_alone_is_not_texted_unasked() -> None:
    book = xlsx(Notes=[["à faire"]], Clients=[["mobile"], [ONE]])
    book["Clients"].sheet_state = "hidden"
    assert "only a hidden sheet holds numbers: 'Clients'" in refusal(saved(book))


def test_header_below_merged_titles_is_found() -> None:
    book = xlsx(Clients=[["Fichier clients 2026"], [], ["mobile", "prénom"], [639980001, "Zoé"]])
    book["Clients"].merge_cells("A1:B1")
    (one,) = opened(book)
    assert (one.row, one.phone, one.fields["prénom"]) == (4, "639980001", "Zoé")


def test_header_below_empty_rows_is_named_by_its_row_in_the_sheet() -> None:
    file = opened(xlsx(Liste=[["Clients"], [], [], ["mobile"], [ONE]]))
    assert [one.row for one in file] == [5]
    assert "the header is in line 4; the lines above are left out" in file.notes


def test_lines_of_a_sheet_can_be_skipped() -> None:
    book = xlsx(Clients=[["mobile", "x", "y"], ["nom", "contact"], ["Zoé", ONE]])
    (one,) = opened(book, skip_lines=1, column="contact")
    assert (one.row, one.fields["nom"]) == (3, "Zoé")


# -- rows


def test_hidden_rows_have_a_fault_unless_they_are_asked_for() -> None:
    book = xlsx(Clients=[["mobile", "consent"], [ONE, "oui"], [TWO, "non"], [THREE, "oui"]])
    book["Clients"].row_dimensions[3].hidden = True
    book["Clients"].auto_filter.ref = "A1:B4"
    faults = {one.phone: one.fault for one in opened(book)}
    assert faults == {ONE: None, TWO: "hidden_row", THREE: None}
    assert [one.fault for one in opened(book, hidden=True)] == [None] * 3


# -- cells


@pytest.mark.parametrize(
    ("value", "code", "text"),
    [
        (0.2, "0%", "20 %"),
        (0.125, "0.0%", "12,5 %"),
        (1234.5, '#,##0.00\\ "€"', "1 234,50 €"),
        (1234.5, "#,##0.00 [$€-40C]", "1 234,50 €"),
        (-3, '0.00\\ "€";[Red]-0.00\\ "€"', "-3,00 €"),
        (0, '0;-0;"gratuit"', "gratuit"),
        (639980001, "0000000000", "0639980001"),
        (639980001, '0#" "##" "##" "##" "##', "06 39 98 00 01"),
        (75, "00000", "00075"),
        (12.5, "General", "12,5"),
        (0.1 + 0.2, "General", "0,3"),
        (12, "0.00E+00", "12"),
        (1500, "0.0,", "1,5"),
        (True, "General", "VRAI"),
        (False, "General", "FAUX"),
        (date(2026, 12, 3), "dd/mm/yyyy", "03/12/2026"),
        (date(2026, 12, 3), "yyyy-mm-dd", "03/12/2026"),
        (date(2026, 12, 3), "mm-dd-yy", "03/12/2026"),
        (date(2026, 12, 3), "[$-40C]d mmmm yyyy;@", "3 décembre 2026"),
        (date(2026, 12, 3), "dddd d mmm", "jeudi 3 déc."),
        (datetime(2026, 12, 3, 14, 5), 'dd/mm/yy hh"h"mm', "03/12/26 14h05"),  # noqa: DTZ001
        # the month before the day, or the year first: French people would read another day
        (date(2025, 12, 3), "m/d/yyyy", "03/12/2025"),
        (date(2025, 12, 3), "[$-409]mm\\-dd\\-yyyy;@", "03/12/2025"),
        (date(2025, 12, 3), "yy/mm/dd", "03/12/2025"),
        (date(2025, 12, 3), "yyyy/dd/mm", "03/12/2025"),
        (date(2025, 12, 3), "m/d", "03/12"),
        (date(2025, 12, 3), "yyyy-mm", "12/2025"),
        (date(2025, 12, 3), "dddd, mmmm dd, yyyy", "mercredi 3 décembre 2025"),
        (datetime(2025, 12, 3, 14, 5), "m/d/yyyy h:mm AM/PM", "03/12/2025 14:05"),  # noqa: DTZ001
        (datetime(2025, 12, 3, 14, 5), "m/d/yyyy", "03/12/2025"),  # noqa: DTZ001
        (datetime(2025, 12, 3), "yyyy-mm-dd hh:mm:ss", "03/12/2025"),  # noqa: DTZ001
        (datetime(2025, 12, 3, 14, 5), "d/m/yy h:mm", "3/12/25 14:05"),  # noqa: DTZ001
        (datetime(2025, 12, 3, 14, 5), "General", "03/12/2025 14:05"),  # noqa: DTZ001
        (time(9, 5), "General", "09:05"),
        # the long date and the time of Windows, as Excel in French offers them
        (date(2026, 12, 3), "[$-F800]dddd\\,\\ mmmm\\ dd\\,\\ yyyy", "jeudi 3 décembre 2026"),
        (date(2026, 12, 3), "[$-x-sysdate]dd/mm/yyyy;@", "jeudi 3 décembre 2026"),
        (datetime(2026, 12, 3, 14, 30), "[$-F400]h:mm:ss\\ AM/PM", "14:30:00"),  # noqa: DTZ001
        (time(9, 5, 7), "[$-x-systime]h:mm:ss AM/PM", "09:05:07"),
        (timedelta(hours=9, minutes=5), "[$-f400]h:mm:ss\\ AM/PM", "09:05:00"),
        (time(9, 5), "hh:mm", "09:05"),
        (timedelta(hours=26, minutes=3), "[h]:mm:ss", "26:03:00"),
        ("  tel quel ", "@", "  tel quel "),
    ],
)
def test_cell_is_read_as_the_sheet_shows_it(value: object, code: str, text: str) -> None:
    assert shown(value, code) == text


def test_cells_of_a_workbook_are_read_as_it_shows_them() -> None:
    cells: list[object] = [ONE, 0.2, 1234.5, True, "Zoé_x000D_", "_x005F_x000D_", "#N/A", "=1/0"]
    book = xlsx(Clients=[["mobile", *"abcdefg"], cells])
    sheet = book["Clients"]
    sheet["B2"].number_format, sheet["C2"].number_format = "0%", '#,##0.00\\ "€"'
    (one,) = opened(book)
    values = [one.fields[name] for name in "abcdefg"]
    assert values == ["20 %", "1 234,50 €", "VRAI", "Zoé", "_x000D_", "#N/A", ""]


@pytest.mark.parametrize(
    "code",
    [
        *("m/d/yyyy", "mm-dd-yy", "yyyy-mm-dd", "yy/mm/dd", "dd/mm/yyyy", "mmmm d, yyyy"),
        *("d-mmm-yy", "[$-F800]dddd\\,\\ mmmm\\ dd\\,\\ yyyy", "[$-x-sysdate]dddd, mmmm dd, yyyy"),
    ],
)
def test_date_of_a_cell_is_read_as_the_same_day(code: str) -> None:
    days = [date(2026, 3, 12), date(2025, 12, 3), date(2026, 5, 23)]
    book = xlsx(Clients=[["mobile", "consenti le"], *([ONE, day] for day in days)])
    for at in range(2, 5):
        book["Clients"].cell(at, 2).number_format = code
    assert [date_of(one.fields["consenti le"]) for one in opened(book)] == days


# -- other formats

_ODS = """<?xml version="1.0" encoding="UTF-8"?>
<office:document-content
  xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"
  xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0"
  xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"
  xmlns:style="urn:oasis:names:tc:opendocument:xmlns:style:1.0">
<office:automatic-styles><style:style style:name="h" style:family="table">
<style:table-properties table:display="false"/></style:style></office:automatic-styles>
<office:body><office:spreadsheet>{}</office:spreadsheet></office:body></office:document-content>"""


def ods(content: str, manifest: str = "<manifest/>") -> io.BytesIO:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("META-INF/manifest.xml", manifest)
        archive.writestr("content.xml", _ODS.format(content))
    stream.seek(0)
    return stream


def row(*cells: str, attributes: str = "") -> str:
    texts = "".join(
        f"<table:table-cell><text:p>{cell}</text:p></table:table-cell>" for cell in cells
    )
    return f"<table:table-row {attributes}>{texts}</table:table-row>"


def test_ods_is_read_as_it_was_shown() -> None:
    comment = "<office:annotation><text:p>note</text:p></office:annotation>"
    rich = "1<text:s text:c='1'/>234,50<text:span> €</text:span>"
    blank = "<table:table-cell table:number-columns-repeated='16384'/>"
    hidden = row("mobile") + row(THREE)
    source = ods(
        f"<table:table table:name='Vieux' table:style-name='h'>{hidden}</table:table>"
        "<table:table table:name='Clients'>"
        + row("mobile", "montant")
        + row(ONE, rich).replace(
            "</table:table-cell></table:table-row>",
            f"{comment}</table:table-cell>{blank}</table:table-row>",
        )
        + row(TWO, "VRAI", attributes="table:visibility='filter'")
        + f"<table:table-row table:number-rows-repeated='1048570'>{blank}</table:table-row>"
        "</table:table>"
    )
    with open_recipients(source) as file:
        people = [(one.row, one.phone, one.fields["montant"], one.fault) for one in file]
        assert file.notes == ["sheet 'Clients' is read; left out: 'Vieux' (hidden)"]
    assert people == [(2, ONE, "1 234,50 €", None), (3, TWO, "VRAI", "hidden_row")]


@pytest.mark.parametrize(
    ("value", "text", "read"),
    [
        ("2025-12-03", "12/3/2025", "03/12/2025"),
        ("2025-12-23T00:00:00", "12/23/25", "23/12/2025"),
        ("2025-12-03T14:05:00", "12/03/25 02:05 PM", "03/12/2025 14:05"),
        ("2025-12-03", "2025-12-03", "03/12/2025"),
        ("2025-12-03", "03/12/25", "03/12/25"),
        ("2025-12-03", "3 décembre 2025", "3 décembre 2025"),
        ("2025-12-03", "déc. 25", "déc. 25"),
        ("", "12/3/2025", "12/3/2025"),
        ("12025-12-03", "12/3/12025", "12/3/12025"),
    ],
)
def test_date_of_an_ods_stands_in_the_french_order(value: str, text: str, read: str) -> None:
    cell = f"<table:table-cell office:value-type='date' office:date-value='{value}'>"
    table = row("mobile", "le") + row(ONE, text).replace(
        f"<table:table-cell><text:p>{text}", f"{cell}<text:p>{text}"
    )
    (one,) = open_recipients(ods(f"<table:table table:name='Clients'>{table}</table:table>"))
    assert one.fields["le"] == read


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        (ods("<table:table table:name='a'>"), "damaged"),
        (ods("", "<encryption-data/>"), "locked"),
        (ods(""), "no sheet of cells"),
        (
            ods(
                "<table:table table:name='a'>"
                + row("mobile")
                + row(ONE, attributes="table:number-rows-repeated='2000000000'")
                + "</table:table>"
            ),
            "over 1,048,576 rows",
        ),
        (
            ods(
                "<table:table table:name='a'>"
                + row("mobile").replace(
                    "<table:table-cell>",
                    "<table:table-cell table:number-columns-repeated='2000000000'>",
                )
                + "</table:table>"
            ),
            "over 1,000 columns",
        ),
    ],
    ids=["damaged", "locked", "no sheet", "rows", "columns"],
)
def test_unreadable_ods_is_refused_in_one_sentence(source: io.BytesIO, complaint: str) -> None:
    source.seek(0)
    assert complaint in refusal(source)


#: a workbook of Excel 97 as xlwt 1.3 writes it, packed by zlib, in base 85
_XLS = (
    "c-rk)TSyd982--e?9IHaw@3q9l&nnB5JDexwMd_mE>ICsY0kr@yBp&Q*-Mr#^b!O;6}<>{gRpw(LIp)HJp@JtK@e"
    "y?`jSx4gF5}^pP6N}RTN6F<{QpG|K*(joH^$||2eyF$MVOAACyjD9-836tPzCIp%YYswh#i@4MVc_J3z&7v8oUZ&"
    "_epWc$)LZFV|46_XHH&S6>nZzEC-e(`Zk`weSjJCy${+$T2hum10l9bt<_i;c*o(J;}6?={>IdjA=7#E-`JSy5r&"
    "q#v<)i_2frBhm~@+<q{Qm#BDyYW;=@UTE_9Y%fgI#FIx0yN6-IjC{wdB0*a0{Ew1TO&ch940kvtAsT*(;IS>`7Mg"
    "={!*hZz6LMM!J+zppQwz?%-b#>LmVm1AQaTHO!jo^n72EN;g<we-ludH6sBH`y;y?+6HfR;X!K1fd{eHO(<CjA-;"
    "hWYv{iV6(CI3eV&Oi?^#d(AjJ7}fgDq>zUpK9Bs^)f3g?$=+$S@~PuDGgmCp8ST+zWbUYIXsD;atRt<i#iG5MUz+"
    "2|j(CzfIhE+sX}2f3$*k$R)~9F5vyF3MXihH7;S7;Yw2Qizd_L!i5cNBKXX@Ra&b^W2tQp{un5X1M`6V!LUbdjdx"
    "olC=_A2JLGQGfF*E3(rw1~c#-j#ccEv9vl>kP5AlKQD*ypL>h@SBNGP40VKmiijmLi}jk#Mz?JkC9>8fI%9)nfV4"
    "$Evm(}s}fHl_FGu_^fS|v-*Rg}30Y$|tgApCX5?lj<TI5uM1~rIYe?Fp6yPD7njLqFm6&%AY_F?z-hB(syD8bTV@"
    "e81p0wm4Nli;CN#3;NCCTSlJ!d~2nmxfMEzR+_+Xb&$o?{(<OCb*MY)xMD)0uJXgF=0Hl>k{(UTc$=zN>`vtT;S}"
    "EzgSO8B?}rWf9Mc!?R*}=6F&v#ghvcE?l^9;bL(J>t5>Ny8-xa;InSj@_(HfDzon2B>yb-BSBA+eu?cyoZdS6mlZ"
    "#2;T5(ovBWm^|Ai8VsCOOR=;U#9FFSte{w$o|v*d=MKevUJ+yCrx#`%}~{{=R+JdO"
)


def xls() -> bytes:
    return zlib.decompress(base64.b85decode(_XLS))


def test_xls_is_read_as_it_was_shown() -> None:
    pytest.importorskip("xlrd")
    with open_recipients(io.BytesIO(xls())) as file:
        people = [(one.phone, one.fault, *one.fields.values()) for one in file]
        assert file.notes == ["sheet 'Clients' is read; left out: 'Vieux' (hidden)"]
    shown_there = ("20 %", "1 234,50 €", "03/12/2026", "VRAI", "#N/A")
    assert people == [
        (ONE, None, ONE, *shown_there),
        (TWO, "hidden_row", TWO, *shown_there),
    ]


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (b"m/d/yyyy;@", "03/12/2026"),
        (b"[$-40C]d/m", "3/12"),  # a locale, and no duration
        (b"[$-F800]dd", "jeudi 3 décembre 2026"),
    ],
)
def test_date_of_an_xls_stands_in_the_french_order(code: bytes, text: str) -> None:
    pytest.importorskip("xlrd")
    with open_recipients(io.BytesIO(xls().replace(b"dd/mm/yyyy", code))) as file:
        assert {list(one.fields.values())[3] for one in file} == {text}


def test_damaged_xls_is_read_or_refused() -> None:
    pytest.importorskip("xlrd")
    chance = random.Random(1)
    for _ in range(60):
        raw = bytearray(xls())
        for _ in range(chance.randint(1, 20)):
            raw[chance.randrange(len(raw))] = chance.randrange(256)
        with suppress(InvalidFile):
            list(open_recipients(io.BytesIO(raw[: chance.randrange(600, 2 * len(raw))])))


def test_without_xlrd_an_old_workbook_is_refused_with_the_remedy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "xlrd", None)
    assert "pip install xlrd" in refusal(io.BytesIO(xls()))


@pytest.mark.parametrize(
    ("member", "what"),
    [
        ("word/document.xml", "Word document"),
        ("ppt/presentation.xml", "presentation"),
        ("xl/workbook.bin", "XLSB"),
        ("Index/Document.iwa", "Numbers"),
        ("contacts.csv", "zip archive"),
    ],
)
def test_archive_that_is_no_spreadsheet_is_called_what_it_is(member: str, what: str) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr(member, "x")
    stream.seek(0)
    assert what in refusal(stream)


@pytest.mark.parametrize(
    ("stream", "what"),
    [
        ("WordDocument", "Word document"),
        ("EncryptedPackage", "locked Excel file"),
        ("__substg1.0_1000001E", "Outlook message"),
        ("Workbook", "damaged"),
    ],
)
def test_compound_file_that_is_no_list_is_called_what_it_is(stream: str, what: str) -> None:
    content = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(2000) + stream.encode("utf-16-le")
    assert what in refusal(io.BytesIO(content))

"""Files as French programs and people make them: one test a kind."""

from __future__ import annotations

import io
from typing import Any

import pytest

from dispatcher.errors import InvalidFile
from dispatcher.recipients import Recipient
from dispatcher.recipients.files import RecipientFile, RejectsWriter, open_recipients

ONE, TWO, THREE = "0639980001", "0639980002", "0639980003"


def opened(content: str | bytes, **options: Any) -> RecipientFile:
    raw = content if isinstance(content, bytes) else content.encode()
    return open_recipients(io.BytesIO(raw), **options)


def read(content: str | bytes, **options: Any) -> list[Recipient]:
    return list(opened(content, **options))


def refusal(content: str | bytes, **options: Any) -> str:
    with pytest.raises(InvalidFile) as caught:
        read(content, **options)
    return str(caught.value)


# -- rows


@pytest.mark.parametrize(
    "text",
    [
        f"mobile,montant,ville\n{ONE},12,50,Lyon\n",
        f"mobile;prenom\n{ONE};L&#039;Oréal &amp; Fils\n",
        f"{ONE};Zoé\n{TWO};Luc;Lyon\n",
    ],
)
def test_row_wider_than_the_header_has_a_fault(text: str) -> None:
    assert read(text)[-1].fault == "too_many_cells"


def test_blank_cells_beyond_the_header_are_fine() -> None:
    assert [one.fault for one in read(f"mobile;prenom\n{ONE};Zoé;;\n{TWO};Luc; \n")] == [None, None]


@pytest.mark.parametrize(
    "text",
    [
        f'mobile, prenom, ville\n{ONE}, "Zoé, Marie", Lyon\n',
        f'mobile ; prenom ; ville\n{ONE} ; "Zoé, Marie" ; Lyon\n',
        f'mobile,prenom,ville\n{ONE},"Zoé, Marie" ,"Lyon" \n',
    ],
)
def test_blank_beside_a_quote_is_no_part_of_the_cell(text: str) -> None:
    fields = read(text)[0].fields
    assert (fields["prenom"], fields["ville"].strip()) == ("Zoé, Marie", "Lyon")


def test_mended_rejects_file_gives_the_same_values() -> None:
    values = ["@lex", "-10%", "'Aïcha", "=x", "+33639980001", "Zoé"]
    written = io.BytesIO()
    with RejectsWriter(written, ["mobile", "prenom"]) as writer:
        for value in values:
            writer.write(Recipient(ONE, raw=(ONE, value), row=2).rejected("landline"))
    assert [one.fields["prenom"] for one in read(written.getvalue())] == values


def test_apostrophe_in_the_file_of_others_stays() -> None:
    text = f"mobile;prenom\n{ONE};'Aïcha\n{TWO};'-10%\n"
    assert [one.fields["prenom"] for one in read(text)] == ["'Aïcha", "'-10%"]


@pytest.mark.parametrize("amount", ["12,50", "1 234,5 €", "9,9%"])
def test_amount_that_pushes_an_empty_cell_out_rejects_its_row(amount: str) -> None:
    text = f"mobile,montant,prenom\n{ONE},{amount},\n{TWO},12,Luc,\n"
    assert [one.fault for one in read(text)] == ["too_many_cells", None]


@pytest.mark.parametrize("before", [0, 30, 90])
def test_text_after_a_closing_quote_rejects_its_row_alone(before: int) -> None:
    above = f"{ONE};Zoé\n" * before
    people = read(f'mobile;prenom\n{above}{ONE};"Zoé" dite Z\n{TWO};"Luc"x;y\n{TWO};"Luc"\n')
    bad, worse, good = people[before:]
    assert (bad.fault, bad.row, bad.phone) == ("misquoted", before + 2, ONE)
    assert bad.raw == (ONE, "Zoé dite Z")
    assert (worse.fault, worse.row) == ("misquoted", before + 3)
    assert (good.fault, good.row, good.fields["prenom"]) == (None, before + 4, "Luc")


def test_quote_that_has_swallowed_rows_refuses_the_file() -> None:
    with pytest.raises(InvalidFile, match="row that begins on line 2 has text after a closing"):
        read(f'mobile;prenom\n{ONE};"Zoé\n{TWO};"Luc"\n')


def test_blank_after_a_late_quote_is_no_part_of_the_cell() -> None:
    people = read("mobile;prenom\n" + f"{ONE};Zoé\n" * 90 + f'{TWO};"Luc" \n')
    assert (people[-1].fault, people[-1].fields["prenom"]) == (None, "Luc")


# -- headers and columns


@pytest.mark.parametrize(
    "text", [f"{TWO}\nmobile;prenom\n{ONE};Zoé\n", f"{TWO};\n\ntel;prenom\n{ONE};A"]
)
def test_mobile_alone_above_a_header_is_a_person_unless_its_line_is_skipped(text: str) -> None:
    assert "--skip-lines" in refusal(text, keep=["prenom"])
    assert [one.phone for one in opened(text, skip_lines=1)] == [ONE]


def test_landline_alone_above_people_is_one_of_them() -> None:
    assert [one.row for one in read(f"01 99 00 12 34\n{ONE}\n{TWO}\n")] == [1, 2, 3]


@pytest.mark.parametrize(
    "text",
    [
        f"Clients fidèles\n\nmobile;prenom\n{ONE};Zoé\n",
        f"Export du 28/11/2026;;\n;;\nNom;mobile;prenom\nx;{ONE};Zoé\n",
        f"Liste, novembre\n\nmobile,prenom\n{ONE},Zoé\n",
        f"Liste\nmobile\n{ONE}\n",
        f"01 99 00 12 34\nmobile;prenom\n{ONE};Zoé\n",
        f"01 99 00 12 34;;\n\nmobile;prenom;ville\n{ONE};Zoé;Lyon\n",
    ],
)
def test_header_below_titles_is_found(text: str) -> None:
    file = opened(text)
    assert "mobile" in file.columns
    assert [one.phone for one in file] == [ONE]
    assert any("header is in line" in note for note in file.notes)


def test_row_of_a_person_is_never_a_title() -> None:
    assert read(f"{ONE}\nmobile;prenom\n{TWO};Zoé\n")[0].phone == ONE


def test_header_that_is_not_found_names_the_option_that_skips_lines() -> None:
    assert "--skip-lines" in refusal(f"Clients;2026;x\nid;contact;nom\n7;{ONE};Zoé\n")


def test_skipped_lines_count_in_the_numbers_of_rows() -> None:
    text = f'Clients;2026;"x\nid;contact;nom\n7;{ONE};Zoé\n'
    (one,) = read(text, skip_lines=1, column="contact")
    assert (one.phone, one.row, one.fields["nom"]) == (ONE, 3, "Zoé")


def test_mobile_of_several_columns_is_taken_row_by_row() -> None:
    file = opened(f"Téléphone 1;Téléphone 2\n0199000001;{ONE}\n{TWO};0199000002\n0199000003;\n")
    assert [one.phone for one in file] == [ONE, TWO, "0199000003"]
    assert any("first mobile of 'Téléphone 1', 'Téléphone 2'" in note for note in file.notes)


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        (f"Zoé;{ONE};{TWO}\nLuc;;{THREE}\n", [ONE, THREE]),
        (f"Zoé;0199001234;\nLuc;;{TWO}\nMarie;;{THREE}\n", ["0199001234", TWO, THREE]),
        (f"0199001234;{ONE}\n{TWO};0199001235\n", [ONE, TWO]),
        # the number of a company may look like a mobile
        (f"732829320;{ONE}\n512829320;{TWO}\n412829320;{THREE}\n", [ONE, TWO, THREE]),
        (f"{ONE};Zoé\n;Luc\n", [ONE, ""]),
    ],
)
def test_columns_of_numbers_without_a_header_are_found_in_the_first_rows(
    text: str, numbers: list[str]
) -> None:
    assert [one.phone for one in opened(text)] == numbers


def test_note_names_the_columns_of_numbers_without_a_header() -> None:
    file = opened(f"Zoé;{ONE};{TWO}\nLuc;;{THREE}\n")
    assert "the number of each row is the first mobile of '2', '3'" in file.notes


@pytest.mark.parametrize("delimiter", [",", ";", ", ", "\t", "|"])
def test_line_of_nothing_but_numbers_is_no_row_of_one_person(delimiter: str) -> None:
    (one,) = read(delimiter.join([ONE, TWO, THREE]))
    assert (one.fault, one.row, one.raw) == ("several_numbers", 1, (ONE, TWO, THREE))


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        (f"{ONE};{TWO};", "several_numbers"),
        (f"{ONE};0199001234;{TWO}", "several_numbers"),
        (f"{ONE};06399800;{TWO}", "several_numbers"),
        (f"{ONE} / {TWO};{THREE};", "several_numbers"),
        (f"{ONE};{TWO};{THREE};{ONE}", "several_numbers"),
        (f"{ONE};{TWO};Zoé", None),
        (f"{ONE};{TWO};75001", None),
        (f"{ONE};0199001234;", None),
        (f"{ONE};06 39 98 00 01;", None),
        (f"{ONE};2026-01-05;", None),
    ],
)
def test_numbers_alone_in_a_row_are_several_if_two_can_be_texted(
    row: str, fault: str | None
) -> None:
    assert [one.fault for one in read(f"{THREE};x;\n{row}\n")] == [None, fault]


def test_row_of_numbers_is_one_person_where_a_name_says_which_counts() -> None:
    assert [one.fault for one in read(f"Téléphone 1;Téléphone 2\n{ONE};{TWO}\n")] == [None]
    (one,) = read(f"{ONE};{TWO}\n", column="2")
    assert (one.fault, one.phone) == (None, TWO)


def test_two_columns_of_mobiles_are_a_question() -> None:
    complaint = refusal(f"Mobile père;Mobile;Portable\n{ONE};{TWO};{THREE}\n")
    assert "several columns may hold the mobile number" in complaint


def test_name_that_is_twice_and_unused_is_fine() -> None:
    text = f"mobile;ville;ville\n{ONE};Lyon;Nice\n"
    assert read(text, keep=[])[0].phone == ONE
    assert "named" not in refusal(text, keep=["ville"])


@pytest.mark.parametrize("name", ["Nom de l'enfant", "Montant (€)", "N° client"])
def test_field_is_named_as_its_column(name: str) -> None:
    assert read(f"mobile;{name}\n{ONE};x\n", keep=[name])[0].fields == {name: "x"}


def test_null_of_a_database_is_no_territory() -> None:
    text = f"mobile;territoire\n{ONE};NULL\n{TWO};La Réunion\n"
    assert [one.territory for one in read(text)] == [None, "La Réunion"]


# -- encodings

NAMES = "mobile;prénom\n0639980001;Zoé\n0639980002;André\n0639980003;François\n0639980004;Noël\n"


@pytest.mark.parametrize(
    ("encoding", "said"),
    [
        ("cp1252", "Windows-1252"),
        ("cp850", "MS-DOS"),
        ("mac-roman", "Mac OS"),
        ("utf-16", "UTF-16"),
        ("utf-16-le", "UTF-16"),
        ("utf-16-be", "UTF-16"),
        ("utf-8", None),
        ("utf-8-sig", None),
    ],
)
def test_encoding_is_decided_by_plausibility(encoding: str, said: str | None) -> None:
    file = opened(NAMES.encode(encoding))
    assert [one.fields["prénom"] for one in file] == ["Zoé", "André", "François", "Noël"]
    assert [note for note in file.notes if "read as" in note] == (
        [note for note in file.notes if said in note] if said else []
    )
    assert bool(file.notes) is bool(said)


@pytest.mark.parametrize("encoding", ["cp1252", "iso8859-15", "cp850", "mac-roman"])
@pytest.mark.parametrize(
    "names",
    [
        ["Hélène", "Gaëlle", "Anaïs", "Jérôme"],
        ["ÉRIC", "HÉLÈNE", "FRANÇOIS", "ZOÉ"],
        ["Éric", "Benoît", "Chloé", "Mélissa"],
        ["José", "Muñoz", "André", "Zoé"],
    ],
)
def test_names_are_right_in_every_encoding_of_french_programs(
    encoding: str, names: list[str]
) -> None:
    text = "mobile;nom\n" + "".join(f"063998{at:04};{name}\n" for at, name in enumerate(names))
    assert [one.fields["nom"] for one in read(text.encode(encoding))] == names


def test_euro_and_ligature_of_latin_9_are_read() -> None:
    raw = f"mobile;nom;prix\n{ONE};Cœur;5 €\n".encode("iso8859-15")
    file = opened(raw)
    assert next(file).fields == {"mobile": ONE, "nom": "Cœur", "prix": "5 €"}
    assert file.encoding == "iso8859-15"


@pytest.mark.parametrize("raw", [b"voil\x85", "Привет".encode("cp1251"), b"\x81\x8d\x8f"])
def test_undecided_encoding_is_refused_with_line_and_option(raw: bytes) -> None:
    complaint = refusal(f"mobile;nom\n{ONE};".encode() + raw + b"\n")
    assert complaint.startswith("line 2 ")
    assert "--encoding" in complaint


# -- what a file really is


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"BEGIN:VCARD\r\nVERSION:3.0\r\n", "vCard"),
        (b"\xef\xbb\xbfBEGIN:VCARD\r\n", "vCard"),
        ("BEGIN:VCARD\r\nVERSION:3.0".encode("utf-16"), "vCard"),
        (b"<html><body><table><tr><td>", "HTML"),
        (b"\r\n<!DOCTYPE html>\n", "HTML"),
        (b"<table border=1>", "HTML"),
        (b'<?xml version="1.0"?><?mso-application?><Workbook xmlns="x">', "XML spreadsheet"),
        (b"%PDF-1.7", "PDF"),
        (b"\x89PNG\r\n", "image"),
        (b"\xff\xd8\xff\xe0", "image"),
        (b"{\\rtf1", "RTF"),
        (b'{"recipients": []}', "JSON"),
        (b'[{"mobile": "x"}]', "JSON"),
        (b"From: a@b.example\r\nSubject: x\r\n", "e-mail"),
        (b"Received: from x\r\n", "e-mail"),
        (b"SQLite format 3\0", "SQLite"),
        (b"7z\xbc\xaf\x27\x1c", "7-Zip"),
        (b"MIME-Version: 1.0\nContent-Type: multipart/related", "web archive"),
    ],
)
def test_file_that_is_no_list_is_called_what_it_is(content: bytes, what: str) -> None:
    assert what in refusal(content)

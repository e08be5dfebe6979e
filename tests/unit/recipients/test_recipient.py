from __future__ import annotations

import math
from dataclasses import FrozenInstanceError, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, StrEnum
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from dispatcher.recipients import Recipient
from dispatcher.recipients.column_names import fold, phone_columns, territory_column
from dispatcher.recipients.recipient import recipient_of
from dispatcher.recipients.values import is_no_value, text_of


class Gender(StrEnum):
    WOMAN = "Madame"


class Level(Enum):
    GOLD = 3


NUMBER = "06 39 98 00 01"


def test_plain_number_becomes_a_recipient_as_it_is_spelled() -> None:
    assert recipient_of(f" {NUMBER} ", position=3) == Recipient(f" {NUMBER} ", row=3)


def test_recipient_is_returned_unchanged() -> None:
    recipient = Recipient(NUMBER, {"prenom": "Zoé"}, territory="mayotte", row=9)
    assert recipient_of(recipient, position=1) is recipient


def test_mapping_becomes_a_recipient_with_number_fields_territory_and_row() -> None:
    values = {"Prénom": "Zoé", "Téléphone": NUMBER, "Territoire": " mayotte ", "points": 12}
    recipient = recipient_of(values, position=2)
    assert recipient.phone == NUMBER
    assert recipient.territory == "mayotte"
    assert recipient.fields == {**values, "points": "12"}
    assert recipient.row == 2
    assert recipient.raw == ("Zoé", NUMBER, " mayotte ", "12")


def test_empty_territory_becomes_none() -> None:
    assert recipient_of({"phone": NUMBER, "territory": " "}).territory is None


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        pytest.param(639980001, "not_a_recipient", id="a bare integer has lost its zero unseen"),
        pytest.param(None, "not_a_recipient", id="nothing"),
        pytest.param([NUMBER], "not_a_recipient", id="a row"),
        pytest.param({1: NUMBER}, "not_a_recipient", id="a key that is no text"),
        pytest.param({"nom": "Zoé"}, "no_number", id="no phone"),
        pytest.param({}, "no_number", id="an empty mapping"),
        pytest.param({"mobile": NUMBER, "portable": NUMBER}, "several_fields", id="two phones"),
        pytest.param({"phone": NUMBER.encode()}, "unusable_value", id="bytes"),
        pytest.param({"phone": NUMBER, "tags": ["a"]}, "unusable_value", id="a list in a field"),
    ],
)
def test_item_that_is_no_recipient_has_a_fault_and_its_position(value: Any, fault: str) -> None:
    recipient = recipient_of(value, position=7)
    shown = str(value) if isinstance(value, int) else ""
    assert (recipient.fault, recipient.row, recipient.phone) == (fault, 7, shown)


@pytest.mark.parametrize(
    ("values", "phone"),
    [
        ({"Téléphone 1": "01 99 00 00 01", "Téléphone 2": NUMBER}, NUMBER),
        ({"Phone 1 - Type": "Mobile", "Phone 1 - Value": NUMBER, "Phone 2 - Value": ""}, NUMBER),
        ({"tel": "01 99 00 00 01", "mobile": NUMBER}, NUMBER),
        ({"tel": NUMBER, "mobile": ""}, NUMBER),
        ({"Tél. fixe": "01 99 00 00 01", "Tél. bureau": ""}, "01 99 00 00 01"),
    ],
)
def test_first_mobile_of_several_fields_counts(values: dict[str, object], phone: str) -> None:
    assert recipient_of(values).phone == phone


@pytest.mark.parametrize(
    ("text", "column", "nothing"),
    [
        *(
            (text, "ville", True)
            for text in ("NULL", "null", "\\N", "None", "NaN", "<null>", "Nan")
        ),
        *((text, "Prénom", True) for text in ("NULL", "null", "nan", "None", "#N/A", "#VALEUR!")),
        *((text, "Prénom", True) for text in ("#VALEUR\u00a0!", "#ERREUR!", "#ERROR!")),
        *((text, "Prénom", True) for text in ("N/A", "n/a", " n.a. ", "N.A", "N/D", "n/d", "#N/D")),
        *(
            (text, "Prénom", True)
            for text in ("#n/a", "N / A", "N/C", "n/r", "N\\A", "n.d.", "na.")
        ),
        *((text, "Prénom", True) for text in ("UNDEFINED", "Undefined", "NONE", "[NULL]", "<n/a>")),
        *(
            (text, "Prénom", False)
            for text in ("Nan", "Null", "NAN", "Nanette", "Nil", "Na", "Nat")
        ),
        *((text, "Prénom", False) for text in ("Nadia", "N.", "N. A. Martin", "A/N", "Na/Da")),
        *((text, "nom du client", False) for text in ("Null", "Nan")),
        *((text, "points", True) for text in ("#DIV/0!", "#REF!", "#NOM?", "Err:502", " n/a ")),
        *((text, "points", False) for text in ("0", "-", "#1", "non", "Nantes", "nul")),
    ],
)
def test_errors_and_nulls_are_no_value_where_nobody_is_called_so(
    text: str, column: str, nothing: bool
) -> None:
    assert is_no_value(text, column) is nothing


def test_rejection_explains_itself_and_masks_the_number() -> None:
    rejection = Recipient("01 39 98 09 07", row=3).rejected("landline")
    assert rejection.code == "landline"
    assert rejection.detail == "a landline gets no SMS: give a mobile number"
    assert rejection.masked == "01 •• •• •• 07"
    assert Recipient("x" * 99).rejected("too_long").masked == "x" * 29 + "…"


def test_repr_of_a_recipient_shows_no_personal_data() -> None:
    recipient = Recipient(NUMBER, {"nom": "Zoé"}, row=4, raw=("Zoé", NUMBER))
    rejection = recipient.rejected("too_short", column="mobile")
    for shown in (repr(recipient), repr(rejection)):
        assert "39 98" not in shown
        assert "Zoé" not in shown
        assert "row=4" in shown


def test_rejected_recipient_keeps_its_row_or_else_its_number() -> None:
    assert Recipient(NUMBER, raw=("Zoé", NUMBER)).rejected("landline").raw == ("Zoé", NUMBER)
    assert Recipient(NUMBER).rejected("landline").raw == NUMBER


def test_recipient_cannot_be_changed_and_can_be_copied() -> None:
    recipient = Recipient(NUMBER, {"nom": "Zoé"}, row=4, raw=("Zoé", NUMBER))
    with pytest.raises(FrozenInstanceError):
        recipient.row = 5  # type: ignore[misc]
    assert replace(recipient, row=5) == Recipient(NUMBER, {"nom": "Zoé"}, row=5)
    assert Recipient(NUMBER) == Recipient(NUMBER, {}, territory=None, row=None, raw=())


def test_recipient_can_be_a_member_of_a_set() -> None:
    assert len({Recipient(NUMBER, {"a": "1"}), Recipient(NUMBER, {"a": "1"})}) == 1


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["Téléphone"], [0]),
        (["TELEPHONE"], [0]),
        (["te\u0301le\u0301phone"], [0]),  # the accent as a character of its own
        (["nom", "Tél."], [1]),
        (["nom", "tel mobile"], [1]),
        (["N° de téléphone"], [0]),
        (["№ portable"], [0]),
        (["numéro_de_portable"], [0]),
        (["GSM"], [0]),
        (["msisdn"], [0]),
        (["Phone Number"], [0]),
        (["phone-number"], [0]),
        (["numéro"], [0]),
        (["number"], [0]),
        # a mobile column is meant before a telephone column, and that before a mere number
        (["Téléphone", "Portable"], [1]),
        (["numero", "telephone"], [1]),
        (["mobile", "portable"], [0, 1]),
        # not phones, or not mobile ones
        (["téléphone fixe", "fax", "nom", "téléphonie", "numéro client", ""], []),
    ],
)
def test_phone_column_is_found_by_its_name(names: list[str], found: list[int]) -> None:
    assert phone_columns(names) == found


def test_territory_column_is_found_by_its_name() -> None:
    assert territory_column(["tel", "TERRITOIRE"]) == 1
    assert territory_column(["territory"]) == 0
    assert territory_column(["tel", "région"]) is None


def test_folding_drops_case_accents_spaces_and_punctuation() -> None:
    assert fold(" Pré-nom\u00a0d’Été (1) ") == "prenomdete1"


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ("  as it is ", "  as it is "),
        (None, ""),
        (math.nan, ""),
        (Decimal("NaN"), ""),
        (612345678, "612345678"),
        (612345678.0, "612345678"),  # a data frame's number: never 6123456780
        (12.5, "12,5"),
        (Decimal("19.90"), "19,90"),
        (Decimal("20"), "20"),
        (math.inf, ""),
        (0.1 + 0.2, "0,3"),
        (1e16, "10000000000000000"),
        (1234.5, "1234,5"),
        (Decimal("1E+3"), "1000"),
        (Decimal("-0.10"), "-0,10"),
        (date(2026, 11, 24), "24/11/2026"),
        (datetime(2026, 11, 24), "24/11/2026"),  # noqa: DTZ001 - a cell has no zone
        (datetime(2026, 11, 24, 14, 30), "24/11/2026 14:30"),  # noqa: DTZ001
        # Django hands every instant on in UTC; in Paris these are in winter, summer and at midnight
        (datetime(2026, 12, 3, 14, 30, tzinfo=UTC), "03/12/2026 15:30"),
        (datetime(2026, 7, 3, 14, 30, tzinfo=UTC), "03/07/2026 16:30"),
        (datetime(2026, 12, 2, 23, 0, tzinfo=UTC), "03/12/2026"),
        (datetime(2026, 12, 3, 0, 0, tzinfo=UTC), "03/12/2026 01:00"),
        (datetime(2026, 12, 3, 9, 0, tzinfo=ZoneInfo("Indian/Reunion")), "03/12/2026 06:00"),
        (datetime.max.replace(tzinfo=UTC), "31/12/9999 23:59"),
        (time(9, 5), "09:05"),
        (time(9, 5, tzinfo=UTC), "09:05"),
        (True, "VRAI"),
        (False, "FAUX"),
        (timedelta(hours=26, minutes=30), "26:30"),
        (timedelta(minutes=5, seconds=7), "0:05:07"),
        (Gender.WOMAN, "Madame"),
        (Level.GOLD, "3"),
    ],
)
def test_cell_becomes_the_text_that_a_french_spreadsheet_shows(cell: object, text: str) -> None:
    assert text_of(cell) == text

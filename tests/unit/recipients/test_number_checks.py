"""What is made of the gateway's word on numbers."""

from __future__ import annotations

import pytest

from dispatcher.recipients.number_checks import (
    IN_SERVICE,
    OUT_OF_SERVICE,
    UNDECIDED,
    NumberCheck,
    RowNumbers,
    answered,
    difference,
    service,
)

A, B = "+33639980001", "+33639980002"
FOREIGN = "+447700900123"


def said(phone: str | None = A, **more: object) -> NumberCheck:
    facts: dict[str, object] = {"request": A, "valid": phone is not None, "phone": phone}
    return NumberCheck(**{**facts, "kind": "Mobile", **more})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("check", "says"),
    [
        pytest.param(said(), "", id="a mobile"),
        pytest.param(said(country="France", prefix=33), "", id="a French one"),
        pytest.param(said(kind=""), "", id="no kind told"),
        pytest.param(said(kind="FIXED_LINE_OR_MOBILE"), "", id="perhaps a mobile"),
        pytest.param(said(kind="Fixed line"), "“Fixed line”", id="a landline"),
        pytest.param(said(prefix=44), "another country", id="a prefix that is not its own"),
        pytest.param(said(B), "another number", id="read as another"),
        pytest.param(said(None, refused=True), "no number", id="refused"),
        pytest.param(said(None), "not answered", id="an answer that cannot be read"),
        pytest.param(None, "not answered", id="no answer"),
    ],
)
def test_answer_that_differs_names_the_difference(check: NumberCheck | None, says: str) -> None:
    found = difference(A, check)
    assert says in found
    assert bool(says) == bool(found)


def test_answers_are_matched_by_number() -> None:
    first, second = said(B, request=B), said(A, request="0639980001")
    assert answered([A, B], [first, second]) == {B: first, A: second}


def test_answer_about_another_number_is_dropped() -> None:
    assert answered([A], [said(None, request=" " + A, refused=True), said(B, request=B)]) == {}


@pytest.mark.parametrize(
    ("group", "name", "expected"),
    [
        (0, "NO_ERROR ", IN_SERVICE),
        (0, "", IN_SERVICE),
        (1, "EC_UNKNOWN_SUBSCRIBER", OUT_OF_SERVICE),
        (1, "Unidentified_Subscriber", OUT_OF_SERVICE),
        (1, "EC_ABSENT_SUBSCRIBER", UNDECIDED),
        (1, "EC_CALL_BARRED", UNDECIDED),
        (3, "EC_SYSTEM_FAILURE", UNDECIDED),
        (0, "EC_SOMETHING_NEW", UNDECIDED),
        (1, "", UNDECIDED),
        (None, "", UNDECIDED),
    ],
)
def test_only_unassigned_number_is_out_of_service(
    group: int | None, name: str, expected: str
) -> None:
    assert service(group, name) == expected


def test_first_ten_rows_are_listed_and_the_others_counted() -> None:
    lines = RowNumbers()
    assert str(lines) == ""
    lines.add(7)
    assert str(lines) == "line 7"
    for row in range(8, 20):
        lines.add(row)
    assert str(lines) == "lines 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 and 3 more"

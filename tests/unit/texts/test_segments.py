from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatcher.errors import InvalidText
from dispatcher.texts.segments import GSM_BASIC, GSM_EXTENDED, MAX_SEGMENTS, Measure, measure

GRIN = "\U0001f600"
# a mix in which pairs fall on every side of a boundary
GSM = st.text(st.sampled_from("aé€^\n"), max_size=500)
UCS2 = st.text(st.sampled_from(f"aê{GRIN}"), max_size=250)


def reference(text: str, encoding: str) -> tuple[int, int]:
    """Units and segments, by filling segments one character after the other."""
    if encoding == "GSM-7":
        alone, each, sizes = 160, 153, [2 if char in GSM_EXTENDED else 1 for char in text]
    else:
        alone, each, sizes = 70, 67, [2 if char > "\uffff" else 1 for char in text]
    units = sum(sizes)
    if units <= alone:
        return units, min(units, 1)
    segments, room = 0, 0
    for size in sizes:
        if size > room:
            segments, room = segments + 1, each
        room -= size
    return units, segments


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("", ("GSM-7", 0, 0), id="nothing"),
        pytest.param("a" * 160, ("GSM-7", 160, 1), id="a full single part"),
        pytest.param("a" * 161, ("GSM-7", 161, 2), id="one more"),
        pytest.param("a" * 306, ("GSM-7", 306, 2), id="two full segments"),
        pytest.param("a" * 307, ("GSM-7", 307, 3), id="two full segments and one"),
        pytest.param("a" * 1530, ("GSM-7", 1530, 10), id="ten segments"),
        pytest.param("a" * 1531, ("GSM-7", 1531, 11), id="more than the gateway takes"),
        pytest.param("€" * 80, ("GSM-7", 160, 1), id="80 euros fill a part"),
        pytest.param("a" * 159 + "€", ("GSM-7", 161, 2), id="160 characters, 161 septets"),
        pytest.param("€" * 153, ("GSM-7", 306, 3), id="76 pairs to a part"),
        pytest.param("a" * 152 + "€" + "a" * 152, ("GSM-7", 306, 3), id="a pair at the seam"),
        pytest.param("a" * 152 + "€" + "a" * 151, ("GSM-7", 305, 2), id="its gap is free here"),
        pytest.param("a" * 151 + "€" + "a" * 153, ("GSM-7", 306, 2), id="a pair before the seam"),
        pytest.param("\f", ("GSM-7", 2, 1), id="form feed is in the extension table"),
        pytest.param("\r\n", ("GSM-7", 2, 1), id="a line break is two"),
        pytest.param("éèùàìòÇÉ", ("GSM-7", 8, 1), id="the French letters of GSM-7"),
        pytest.param("ΔΦΓΛΩΠΨΣΘΞ", ("GSM-7", 10, 1), id="the Greek capitals of GSM-7"),
        pytest.param("\x1b", ("UCS-2", 1, 1), id="the escape itself is no character"),
        pytest.param("\t", ("UCS-2", 1, 1), id="tab"),
        pytest.param("`", ("UCS-2", 1, 1), id="backtick"),
        pytest.param("ê", ("UCS-2", 1, 1), id="not a French letter of GSM-7"),
        pytest.param("e\u0301", ("UCS-2", 2, 1), id="decomposed"),
        pytest.param("ê" * 70, ("UCS-2", 70, 1), id="a full Unicode part"),
        pytest.param("ê" * 71, ("UCS-2", 71, 2), id="one more in Unicode"),
        pytest.param("ê" * 134, ("UCS-2", 134, 2), id="two full Unicode segments"),
        pytest.param("€" * 69 + "ê", ("UCS-2", 70, 1), id="in Unicode a euro is one"),
        pytest.param(GRIN * 35, ("UCS-2", 70, 1), id="35 emoji fill a part"),
        pytest.param(GRIN * 67, ("UCS-2", 134, 3), id="33 emoji to a part"),
        pytest.param("a" * 66 + GRIN + "a" * 66, ("UCS-2", 134, 3), id="an emoji at the seam"),
        pytest.param("\ud83d", ("UCS-2", 1, 1), id="half an emoji is counted, not refused"),
    ],
)
def test_text_gets_encoding_units_and_segments(text: str, expected: Measure) -> None:
    assert measure(text) == expected


def test_alphabet_has_127_characters_and_ten_extensions() -> None:
    assert (len(GSM_BASIC), len(GSM_EXTENDED), len(GSM_BASIC & GSM_EXTENDED)) == (127, 10, 0)


def test_character_outside_the_gsm_alphabet_needs_unicode() -> None:
    plane = map(chr, range(0x10000))
    assert {char for char in plane if measure(char).encoding == "GSM-7"} == GSM_BASIC | GSM_EXTENDED


def test_requested_unicode_counts_in_ucs2() -> None:
    assert measure("a" * 71, unicode=True) == ("UCS-2", 71, 2)
    assert measure("", unicode=True) == ("UCS-2", 0, 0)


def test_requested_gsm7_refuses_what_does_not_fit() -> None:
    assert measure("12 €", unicode=False) == ("GSM-7", 5, 1)
    with pytest.raises(InvalidText, match=r"U\+00EA at position 2"):
        measure("têt", unicode=False)


def test_ten_full_segments_are_the_maximum() -> None:
    assert measure("a" * 153 * MAX_SEGMENTS).segments == MAX_SEGMENTS


@given(GSM)
def test_gsm7_segments_equal_those_filled_character_by_character(text: str) -> None:
    assert measure(text) == ("GSM-7", *reference(text, "GSM-7"))


@given(UCS2)
def test_unicode_segments_equal_those_filled_character_by_character(text: str) -> None:
    assert measure(text, unicode=True) == ("UCS-2", *reference(text, "UCS-2"))


@given(st.text(st.characters()))
def test_text_that_fits_gsm7_is_measured_in_gsm7(text: str) -> None:
    fits = all(char in GSM_BASIC or char in GSM_EXTENDED for char in text)
    assert measure(text).encoding == ("GSM-7" if fits else "UCS-2")


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_unicode_units_equal_utf16_code_units(text: str) -> None:
    assert measure(text, unicode=True).units == len(text.encode("utf-16-le")) // 2


@given(st.text("aà", max_size=2000))
def test_text_without_extended_characters_needs_length_by_153_segments(text: str) -> None:
    plain = math.ceil(len(text) / 153) if len(text) > 160 else min(len(text), 1)
    assert measure(text).segments == plain

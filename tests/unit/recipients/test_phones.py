from __future__ import annotations

import subprocess
import sys

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatcher.recipients import phones
from dispatcher.recipients.legible import are_several, numbers_in
from dispatcher.recipients.local_numbers import depends_on_territory, mobile_of, normalise_in
from dispatcher.recipients.phones import (
    REASONS,
    InvalidPhone,
    normalise,
    territory_of,
)

MOBILES = st.from_regex(
    r"(?:6(?:[0-24-8][0-9]|3[0-8]|9[589])|7[3-9][0-9])[0-9]{6}|63998[0-9]{4}", fullmatch=True
)
SEPARATORS = st.sampled_from(
    ["", " ", ".", "-", "\xa0", "\u202f", "\t", "/", "  ", " - ", "\u2011"]
)
PREFIXES = st.sampled_from(
    [
        "",
        "0",
        "+33",
        "0033",
        "33",
        "+33 (0)",
        "0033(0)",
        "33(0)",
        "+330",
        "(+33) ",
        "00 33 ",
        "＋33",
    ]
)
WRAPPINGS = st.sampled_from(
    [
        ("", ""),
        (" ", "  "),
        ("\ufeff", ""),
        ("\u202a", "\u202c"),
        ("'", ""),
        ('="', '"'),
        ("tel:", ""),
    ]
)
ALPHABETS = st.sampled_from(["0123456789", "０１２３４５６７８９", "٠١٢٣٤٥٦٧٨٩", "۰۱۲۳۴۵۶۷۸۹"])


@st.composite
def spellings(draw: st.DrawFn) -> tuple[str, str]:
    """A metropolitan mobile's nine digits, and one way to write the number."""
    mobile = draw(MOBILES)
    gaps = draw(st.one_of(SEPARATORS.map(lambda gap: [gap] * 5), st.lists(SEPARATORS, min_size=5)))
    pairs = [mobile[0], mobile[1:3], mobile[3:5], mobile[5:7], mobile[7:]]
    number = draw(PREFIXES) + "".join(gap + pair for gap, pair in zip(gaps, pairs, strict=False))
    before, after = draw(WRAPPINGS)
    written = number.translate(str.maketrans("0123456789", draw(ALPHABETS)))
    return mobile, before + written + after


def reason_for(raw: str) -> str:
    with pytest.raises(InvalidPhone) as caught:
        normalise(raw)
    return caught.value.reason


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("0639980001", "+33639980001"),
        ("06 39 98 00 01", "+33639980001"),
        ("06.39.98.00.01", "+33639980001"),
        ("06/39/98/00/01", "+33639980001"),
        ("+33 (0)6 39 98 00 01", "+33639980001"),
        ("330639980001", "+33639980001"),
        # what a spreadsheet leaves of 0639980001 and +33639980001
        ("639980001", "+33639980001"),
        ("639980001.0", "+33639980001"),
        ("33639980001.0", "+33639980001"),
        ("639980001,00", "+33639980001"),
        ("'0639980001", "+33639980001"),
        ('="0639980001"', "+33639980001"),
        ("tel:+33-6-39-98-00-01", "+33639980001"),
        # 06 and 07 that are metropolitan although their neighbours are not
        ("0638123456", "+33638123456"),
        ("0695123456", "+33695123456"),
        ("0698123456", "+33698123456"),
        ("0699123456", "+33699123456"),
        ("0730123456", "+33730123456"),
        ("0799123456", "+33799123456"),
    ],
)
def test_metropolitan_mobile_becomes_e164(raw: str, expected: str) -> None:
    assert normalise(raw) == expected
    assert territory_of(expected) == "metropole"


@pytest.mark.parametrize(
    ("raw", "territory", "expected"),
    [
        ("55 12 34", "saint-pierre-et-miquelon", "+508551234"),
        ("75.12.34", "nouvelle-caledonie", "+687751234"),
        ("87 12 34 56", "polynesie-francaise", "+68987123456"),
        ("821234", "wallis-et-futuna", "+681821234"),
        ("06 39 98 00 01", "nouvelle-caledonie", "+33639980001"),
        ("639980001", "nouvelle-caledonie", "+33639980001"),
        # what a spreadsheet or a data frame makes of a number
        ("751234.0", "nouvelle-caledonie", "+687751234"),
        ("751234,00", "nouvelle-caledonie", "+687751234"),
        ("87123456.0", "polynesie-francaise", "+68987123456"),
    ],
)
def test_local_number_is_understood_where_the_territory_is_known(
    raw: str, territory: str, expected: str
) -> None:
    assert normalise_in(raw, territory) == expected


@pytest.mark.parametrize(
    ("raw", "territory"),
    [("55 12 34", "metropole"), ("55 12 34", "la-reunion"), ("87 12 34", "polynesie-francaise")],
)
def test_short_number_elsewhere_stays_too_short(raw: str, territory: str) -> None:
    with pytest.raises(InvalidPhone, match="too_short"):
        normalise_in(raw, territory)


@pytest.mark.parametrize(
    ("raw", "territory", "expected"),
    [
        ("687751234", "nouvelle-caledonie", "+687751234"),
        ("687 75 12 34", "nouvelle-caledonie", "+687751234"),
        ("687751234.0", "nouvelle-caledonie", "+687751234"),
        ("681821234", "wallis-et-futuna", "+681821234"),
        ("508551234", "saint-pierre-et-miquelon", "+508551234"),
        ("68987123456", "polynesie-francaise", "+68987123456"),
        # whoever writes a zero or a country code means what it says
        ("0687751234", "nouvelle-caledonie", "+33687751234"),
        ("+33687751234", "nouvelle-caledonie", "+33687751234"),
        # and elsewhere these digits are a mobile of the mainland
        ("687751234", "wallis-et-futuna", "+33687751234"),
        ("687751234", "la-reunion", "+33687751234"),
    ],
)
def test_country_code_of_the_territory_needs_no_plus(
    raw: str, territory: str, expected: str
) -> None:
    assert normalise_in(raw, territory) == expected


def test_landline_of_the_territory_is_not_taken_for_a_mobile_of_the_mainland() -> None:
    with pytest.raises(InvalidPhone, match="landline"):
        normalise_in("687 25 12 34", "nouvelle-caledonie")


@pytest.mark.parametrize(
    ("cells", "territory", "chosen"),
    [
        (["25 12 34", "75 12 34"], "nouvelle-caledonie", "75 12 34"),
        (["75 12 35", "0639980001"], "nouvelle-caledonie", "75 12 35"),
        (["75 12 35", "0639980001"], "metropole", "0639980001"),
        (["", "25 12 34", " "], "nouvelle-caledonie", "25 12 34"),
        ([" ", ""], "nouvelle-caledonie", ""),
    ],
)
def test_first_mobile_of_somebody_there_counts(
    cells: list[str], territory: str, chosen: str
) -> None:
    assert mobile_of(cells, territory) == chosen


@pytest.mark.parametrize(
    ("raw", "depends"),
    [
        ("687751234", True),
        ("751234", True),
        ("508551234", False),
        ("0687751234", False),
        ("639980001", False),
        ("néant", False),
    ],
)
def test_number_that_only_the_territory_decides_is_known(raw: str, *, depends: bool) -> None:
    assert depends_on_territory(raw) is depends


@pytest.mark.parametrize(
    ("raw", "several"),
    [
        ("06 39 98 00 01 / 06 39 98 00 02", True),
        ("0639980001/0639980002", True),
        ("06.39.98.00.01 - 01.39.98.00.02", True),
        ("0639980001 ou +33 (0)6 39 98 00 02", True),
        ("639980001\n639980002", True),
        ("06\xa039\xa098\xa000\xa001 / 06\u202f39\u202f98\u202f00\u202f02", True),
        ("06 39 98 00 01 2", False),
        ("06 39 98 00 01 (bureau)", False),
        ("+49 151 23456789 1234", False),
        ("6" * 400, False),
    ],
)
def test_several_numbers_in_a_cell_are_recognised(raw: str, several: bool) -> None:
    assert are_several(raw) is several


@pytest.mark.parametrize(
    ("raw", "numbers"),
    [
        ("0639980001/0639980002", ["0639980001", "0639980002"]),
        ("0639980001 ou +33 (0)6 39 98 00 02", ["0639980001", "+33 (0)6 39 98 00 02"]),
        ("06 39 98 00 01 06 39 98 00 02", ["06 39 98 00 01", "06 39 98 00 02"]),
        ("06 39 98 00 01 (bureau)", ["06 39 98 00 01"]),
        ("0639980001 poste 12, 0639980002", []),
        ("06 39 98 00 01 2", []),
        ("bureau", []),
    ],
)
def test_numbers_of_a_text_are_those_that_leave_no_digit(raw: str, numbers: list[str]) -> None:
    assert numbers_in(raw) == numbers


@pytest.mark.parametrize(
    ("raw", "expected", "territory"),
    [
        ("0690123456", "+590690123456", "guadeloupe"),
        ("0691 22 34 56", "+590691223456", "guadeloupe"),
        ("07090 01234", "+590709001234", "guadeloupe"),
        ("0694123456", "+594694123456", "guyane"),
        ("0709301234", "+594709301234", "guyane"),
        ("0709331234", "+594709331234", "guyane"),
        ("0696123456", "+596696123456", "martinique"),
        ("0697123456", "+596697123456", "martinique"),
        ("0709101234", "+596709101234", "martinique"),
        ("0692123456", "+262692123456", "la-reunion"),
        ("0693012345", "+262693012345", "la-reunion"),
        ("0709201234", "+262709201234", "la-reunion"),
        ("0639012345", "+262639012345", "mayotte"),
        ("0639971234", "+262639971234", "mayotte"),
        ("0709351234", "+262709351234", "mayotte"),
        ("0709371234", "+262709371234", "mayotte"),
        ("0708401234", "+508708401234", "saint-pierre-et-miquelon"),
        ("0708501234", "+508708501234", "saint-pierre-et-miquelon"),
        # +33 in front of an overseas number is repaired; so is a lost zero or plus
        ("+33 692 12 34 56", "+262692123456", "la-reunion"),
        ("690123456", "+590690123456", "guadeloupe"),
        ("262692123456", "+262692123456", "la-reunion"),
        ("+262 (0)692 12 34 56", "+262692123456", "la-reunion"),
        ("00 590 690 12 34 56", "+590690123456", "guadeloupe"),
        ("+508 55 12 34", "+508551234", "saint-pierre-et-miquelon"),
        ("0508551234", "+508551234", "saint-pierre-et-miquelon"),
        ("05 08 55 12 34", "+508551234", "saint-pierre-et-miquelon"),
        ("508551234", "+508551234", "saint-pierre-et-miquelon"),
        ("00508551234", "+508551234", "saint-pierre-et-miquelon"),
        ("+33 (0)508 55 12 34", "+508551234", "saint-pierre-et-miquelon"),
        ("+508 0508 55 12 34", "+508551234", "saint-pierre-et-miquelon"),
        ("+508 (0)55 12 34", "+508551234", "saint-pierre-et-miquelon"),
        ("508708401234", "+508708401234", "saint-pierre-et-miquelon"),
        ("+508 0708 40 12 34", "+508708401234", "saint-pierre-et-miquelon"),
        ("68987123456", "+68987123456", "polynesie-francaise"),
        ("+687 75 12 34", "+687751234", "nouvelle-caledonie"),
        ("+689 87 12 34 56", "+68987123456", "polynesie-francaise"),
        ("+681 82 12 34", "+681821234", "wallis-et-futuna"),
    ],
)
def test_overseas_mobile_gets_its_own_code(raw: str, expected: str, territory: str) -> None:
    assert normalise(raw) == expected
    assert territory_of(expected) == territory


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        pytest.param("+49 151 23456789", "+4915123456789", id="Germany"),
        pytest.param("0049 (0)151 23456789", "+4915123456789", id="Germany, trunk zero"),
        pytest.param("+32 470 12 34 56", "+32470123456", id="Belgium"),
        pytest.param("+41 79 123 45 67", "+41791234567", id="Switzerland"),
        pytest.param("+352 (0)621 123 456", "+352621123456", id="Luxembourg has no trunk zero"),
        pytest.param("+377 6 12 34 56 78", "+377612345678", id="Monaco"),
        pytest.param("+39 312 345 6789", "+393123456789", id="Italy"),
        pytest.param("+1 415 555 2671", "+14155552671", id="either kind of line in the US"),
        pytest.param("+44 7700 900123", "+447700900123", id="unlisted, of a mobile's length"),
        pytest.param("+269 321 23 45", "+2693212345", id="Comoros, not Mayotte"),
    ],
)
def test_foreign_mobile_keeps_its_code_and_the_window_of_metropole(raw: str, expected: str) -> None:
    assert normalise(raw) == expected
    assert territory_of(expected) == "metropole"


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("", "empty"),
        (" \xa0\t", "empty"),
        ("\ufeff", "empty"),
        ("'", "empty"),
        ("n/a", "not_a_number"),
        ("-", "not_a_number"),
        ("+", "not_a_number"),
        ("O639980001", "not_a_number"),
        ("0639980001 poste 12", "not_a_number"),
        ("0000000000", "not_a_number"),
        ("+0639980001", "not_a_number"),
        ("+999 123 456 789", "not_a_number"),
        ("0639980001;", "multiple_or_garbage"),
        ("0639980001, 0639980002", "multiple_or_garbage"),
        ("++33639980001", "multiple_or_garbage"),
        ("+33639980001/+33639980002", "multiple_or_garbage"),
        ("06²39980001", "multiple_or_garbage"),
        ("6.3998E+08", "spreadsheet_float"),
        ("6,3998E+08", "spreadsheet_float"),
        ("3.36E10", "spreadsheet_float"),
        ("06 39 98 00 0", "too_short"),
        ("63998000", "too_short"),
        # eight digits, not nine of which the last is a zero
        ("61234567.0", "too_short"),
        ("06", "too_short"),
        ("+33", "too_short"),
        ("+4", "too_short"),
        # a plus typed for the zero: too few digits for the country that it names
        ("+612345678", "too_short"),
        ("06 39 98 00 01 2", "too_long"),
        ("0639980001/0639980002", "too_long"),
        ("0612(0)345678", "too_long"),
        ("+49 151 23456789 1234", "too_long"),
        ("+269639123456", "too_long"),
        ("6" * 400, "too_long"),
        ("4915123456789", "ambiguous_no_country"),
        ("6399800012", "ambiguous_no_country"),
        ("0199001234", "landline"),
        ("0590123456", "landline"),
        ("112345678", "landline"),
        ("+262 262 12 34 56", "landline"),
        ("0508411234", "landline"),
        ("+508 41 12 34", "landline"),
        ("+687 23 12 34", "landline"),
        ("+49 30 123456", "landline"),
        ("0800123456", "special_rate"),
        ("0899123456", "special_rate"),
        ("+590 800 12 34 56", "special_rate"),
        ("+1 800 555 1234", "special_rate"),
        ("0947612345", "voip"),
        ("+590 976 01 23 45", "voip"),
        ("17", "short_code"),
        ("112", "short_code"),
        ("3631", "short_code"),
        ("1014", "short_code"),
        ("36180", "short_code"),
        ("118 218", "short_code"),
        ("0700123456", "m2m_or_unassigned"),
        ("0700 1234567890", "m2m_or_unassigned"),
        ("0712345678", "m2m_or_unassigned"),
        ("0729999999", "m2m_or_unassigned"),
        ("0709341234", "m2m_or_unassigned"),
        ("0708123456", "m2m_or_unassigned"),
        # a department's code before another's number, and before the fiction block
        ("+590 692 12 34 56", "m2m_or_unassigned"),
        ("+262 612 34 56 78", "m2m_or_unassigned"),
        ("+262 639 98 00 01", "m2m_or_unassigned"),
        ("+681 99 12 34", "m2m_or_unassigned"),
        # unlisted, and the library would shorten it a second time
        ("+43 0099 9850 6242", "m2m_or_unassigned"),
    ],
)
def test_number_that_cannot_be_texted_raises_its_reason(raw: str, reason: str) -> None:
    assert reason_for(raw) == reason


def test_error_of_an_invalid_number_does_not_contain_it() -> None:
    with pytest.raises(InvalidPhone) as caught:
        normalise("01 99 00 12 34")
    assert str(caught.value) == "landline"


@given(spellings())
def test_every_spelling_of_a_mobile_becomes_the_same_number(spelling: tuple[str, str]) -> None:
    mobile, written = spelling
    assert normalise(written) == f"+33{mobile}"


@settings(max_examples=500)
@given(
    st.one_of(
        spellings().map(lambda spelling: spelling[1]),
        st.from_regex(r"(\+33|0033|33|0)?[ .]?[67]([ .-]?[0-9]{2}){3,5}(\.0)?", fullmatch=True),
    )
)
def test_short_path_reads_the_same_number_as_the_thorough_path(raw: str) -> None:
    if phones._common(raw) or phones._exported(raw):
        assert normalise(raw) == phones._thorough(raw)


@settings(max_examples=500)
@given(st.from_regex(r"(0|\+33)[67][0-9]{7,9}", fullmatch=True))
def test_number_as_exports_spell_it_takes_the_shortest_path(raw: str) -> None:
    fiction = raw.removeprefix("0").removeprefix("+33").startswith("63998")
    assert bool(phones._exported(raw)) == (bool(phones._common(raw)) and not fiction)


def test_short_path_reads_every_range_of_06_and_07_like_the_thorough_path() -> None:
    for start in range(60000, 80000):
        raw = f"0{start}1234"
        short = phones._common(raw) is not None
        try:
            assert short == phones._thorough(raw).startswith("+33")
        except InvalidPhone:
            assert not short


def test_metropolitan_ranges_equal_those_of_libphonenumber_and_the_fiction_block() -> None:
    for start in range(60000, 80000):
        raw = f"+33{start}1234"
        number = phonenumbers.parse(raw)
        mobile = phonenumbers.number_type(number) == phonenumbers.PhoneNumberType.MOBILE
        assert (phones._common(raw) is not None) == (mobile or start == 63998)


@settings(max_examples=500)
@given(
    st.one_of(
        st.text(st.characters()),
        st.text("0123456789+ ./()-eE,\xa0", max_size=25),
        st.from_regex(r"\+[1-9][0-9]{5,16}", fullmatch=True),
        st.from_regex(r"(\+|00)(262|508|590|594|596|681|687|689)[0-9]{6,10}", fullmatch=True),
    )
)
def test_any_text_becomes_a_stable_number_or_raises_a_known_reason(raw: str) -> None:
    try:
        number = normalise(raw)
    except InvalidPhone:
        assert reason_for(raw) in REASONS
    else:
        assert normalise(number) == number
        assert territory_of(number) is not None


def test_example_mobile_of_every_country_stays_unchanged() -> None:
    for region in sorted(phonenumbers.SUPPORTED_REGIONS):
        number = phonenumbers.example_number_for_type(region, phonenumbers.PhoneNumberType.MOBILE)
        if number is None:
            continue
        e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
        assert normalise(e164) == e164


def test_text_that_is_not_e164_has_no_territory() -> None:
    assert territory_of("0639980001") is None


def test_french_number_does_not_load_libphonenumber() -> None:
    script = (
        "import sys; from dispatcher.phones import normalise; normalise('06 39 98 00 01'); "
        "normalise('0692123456'); sys.exit('phonenumbers' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0

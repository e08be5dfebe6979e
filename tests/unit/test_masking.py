"""Phone numbers are found in any text, however they are written there; nothing else is."""

from __future__ import annotations

import json
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatcher.errors import NotFound
from dispatcher.masking import mask, masked
from dispatcher.settings.logs import event
from dispatcher.settings.redaction import redactor

NBSP, THIN, WORD_JOINER, MINUS = "\u00a0", "\u202f", "\u2060", "\u2212"
PAIRS = ("06", "39", "98", "00", "01")
FULL_WIDTH = str.maketrans("0123456789/+", "".join(map(chr, range(0xFF10, 0xFF1A))) + "／＋")
ARABIC = str.maketrans("0123456789", "".join(map(chr, range(0x660, 0x66A))))
SUPERSCRIPT = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")

NUMBERS = [
    "0639980001",
    *(gap.join(PAIRS) for gap in ("/", ".", "-", " ", "_", NBSP, THIN, WORD_JOINER, MINUS)),
    *(
        gap.join(PAIRS)
        for gap in ("·", "\u2011", " / ", " – ", "--", "|", ",", ", ", ":", "\n", "\t")
    ),
    "0639980001".translate(FULL_WIDTH),
    "06/39/98/00/01".translate(FULL_WIDTH),
    "+33639980001".translate(FULL_WIDTH),
    "0639980001".translate(ARABIC),
    "0639980001".translate(SUPERSCRIPT),
    "0639 98 00 01",
    "06 3998 0001",
    "063 998 0001",
    "0 6 39 98 00 01",
    "0 6 3 9 9 8 0 0 0 1",
    "(06) 39 98 00 01",
    "0 (6) 39 98 00 01",
    "0 639 980 001",
    "06     39     98     00     01",
    "639980001",
    "639 98 00 01",
    "6 39 98 00 01",
    "+33639980001",
    "+33 (0)6 39 98 00 01",
    "(+33) (0) 6-39-98-00-01",
    "+33 - 6 - 39 - 98 - 00 - 01",
    "0033639980001",
    "00 33 6 39 98 00 01",
    "00 33 (0)6 39 98 00 01",
    "33639980001",
    "33 6 39 98 00 01",
    "+262 639 98 00 12",
    "262639980012",
    "+508 55 12 34",
    "+447700900123",
    "+44 7700 900 123",
    "447700900123",
    "+1 (202) 555-0123",
    # as URLs, HTML and escapes write them
    "%2B33639980001",
    "06%2039%2098%2000%2001",
    "06&nbsp;39&nbsp;98&nbsp;00&nbsp;01",
    repr(NBSP.join(PAIRS)),
    json.dumps(NBSP.join(PAIRS)),
    # glued to words, or beside other digits
    "tel0639980001x",
    "0639980001STOP",
    "tel33639980001",
    "tel447700900123",
    "soldes_0639980001",
    "12,0639980001,Zoé",
    "row 12:0639980001",
    "le 01/12/2026 20:00, 0639980001",
]
OTHERS = [
    "2026-11-28 22:14:32",
    "2026-11-28T22:14:32.123456+01:00",
    "2026-11-28 20:00 2026-11-29 08:00",
    "01/12/2026 20:00",
    "01.12.2026 15",
    "01/12/26 20:00",
    "01/12 02/12 03/12",
    "06/01 07/01, 01-02-03-04, 05 06 07 08",
    "soldes-20271201",
    "soldes-20271201093000",
    "from 06:30 to 07:30, from 08:00",
    "1 234 567,89 €",
    "100 000 000 €",
    "33 500 000 €",
    "12,345,678 recipients, 5,000 of 20,000, +12 %",
    "campaign 12345678, batch 40312",
    "192.168.100.200:65535",
    "0.012345678 s, 3.141592653589793",
    "6f1c2d3e-8a9b-4c5d-9e0f-a1b2c3d4e5f6",
    "batches 1 2 3 4 5 6 7 8 9 10 11 12",
    "10 × 500, code 90, v1.2.3.4",
]


def digits(text: str) -> int:
    return sum(char.isdigit() for char in text)


@pytest.mark.parametrize("number", NUMBERS, ids=ascii)
def test_number_in_any_spelling_is_masked(number: str) -> None:
    around = f"Mme Roy, {number} a appelé"

    shown = masked(around)

    assert "•••" in shown
    hidden = digits(around) - digits(shown)
    assert hidden >= 4
    assert shown.startswith("Mme Roy, ")
    assert shown.endswith(" a appelé")
    assert "9980" not in "".join(filter(str.isdigit, shown))


@pytest.mark.parametrize("text", OTHERS)
def test_date_amount_count_or_id_is_not_masked(text: str) -> None:
    assert masked(f"since {text}: so") == f"since {text}: so"


@given(st.text("0639 98+-./()", max_size=40))
def test_masking_twice_changes_nothing(text: str) -> None:
    assert masked(masked(text)) == masked(text)


@given(st.text())
def test_text_without_digits_stays(text: str) -> None:
    words = "".join(char for char in text if not char.isnumeric())

    assert masked(words) == words


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        ("+33639980078", "+336••••••78"),
        ("+508551234", "+508••••34"),
        ("06 39 98 00 78", "06••••••78"),
        ("+3361", "•••••"),
        ("", ""),
    ],
)
def test_mask_shows_start_and_end(number: str, shown: str) -> None:
    assert mask(number) == shown


@pytest.mark.parametrize("number", NUMBERS, ids=ascii)
def test_log_line_holds_no_number(number: str) -> None:
    line = redactor([])(f"reference={number} state=running")

    assert "[number]" in line
    assert "•" not in line


def test_error_that_quotes_a_number_masks_it() -> None:
    assert str(NotFound("no campaign 'for 06/39/98/00/01'")) == "no campaign 'for 06••••••01'"


def test_event_masks_numbers_for_the_handlers_of_an_app(caplog: pytest.LogCaptureFixture) -> None:
    log = logging.getLogger("dispatcher.test")
    with caplog.at_level(logging.INFO, logger=log.name):
        event(log, logging.INFO, "submitted", reference="for 06/39/98/00/01", rows=5)

    assert caplog.messages == ['submitted reference="for 06••••••01" rows=5']
    assert vars(caplog.records[0])["facts"] == {"reference": "for 06••••••01", "rows": 5}

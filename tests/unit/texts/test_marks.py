from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatcher.texts import arrival, without_marks
from dispatcher.texts.templates import MissingField, compile_template
from tests.unit.strategies import ANYTHING

MARKS = [
    *("\u00ad", "\u034f", "\u061c", "\u115f", "\u17b4", "\u180b", "\u180e", "\u200b", "\u200c"),
    *("\u200d", "\u200e", "\u200f", "\u202a", "\u202e", "\u2060", "\u2064", "\u2066", "\u2069"),
    *("\u206f", "\u3164", "\ufe00", "\ufe0e", "\ufe0f", "\ufeff", "\uffa0", "\ufff9"),
    *("\U0001d173", "\U000e0001", "\U000e0041", "\U000e007f", "\U000e0100"),
]


PARTS_OF_EMOJI = {"\u200d", "\ufe0e", "\ufe0f", *map(chr, range(0xE0020, 0xE0080))}


@pytest.mark.parametrize("mark", MARKS, ids=lambda mark: f"U+{ord(mark):04X}")
def test_mark_in_a_text_or_a_value_is_dropped_and_costs_nothing(mark: str) -> None:
    plain = arrival("Bonjour Zoe, à demain")
    assert arrival(f"Bonjour {mark}Zo{mark}e{mark}, à demain") == plain
    template = compile_template("Bonjour {{ prenom }}, à demain")
    for value in (f"Zoe{mark}", f"{mark}Zoe", f"Z{mark}oe{mark}"):
        assert template.render({"prenom": value}) == "Bonjour Zoe, à demain"


@pytest.mark.parametrize("mark", MARKS, ids=lambda mark: f"U+{ord(mark):04X}")
def test_value_of_marks_alone_is_missing(mark: str) -> None:
    with pytest.raises(MissingField):
        compile_template("{{ prenom }}").render({"prenom": f" {mark}{mark} "})


@pytest.mark.parametrize("mark", ["\u200b", "\u200e", "\ufeff"])
def test_mark_within_the_braces_of_a_field_is_dropped(mark: str) -> None:
    template = compile_template(f"Bonjour {{{mark}{{ pre{mark}nom{mark} }}}}")
    assert template.fields == ("prenom",)


@pytest.mark.parametrize(
    "picture",
    [
        "❤\ufe0f",
        "1\ufe0f\u20e3",
        "\U0001f469\u200d\U0001f467",
        "\U0001f468\U0001f3fd\u200d\U0001f4bb",
        "\U0001f3f3\ufe0f\u200d\U0001f308",
        "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
        "™\ufe0f",
    ],
)
def test_marks_within_a_sequence_of_emoji_stay(picture: str) -> None:
    assert arrival(f"a{picture}b").text == f"a{picture}b"
    assert without_marks(f"\u200d{picture}\u200d\ufe0f") == picture


def test_decomposed_accent_behind_a_mark_is_composed() -> None:
    assert arrival("Zoe\u200b\u0301").text == "Zoé"


@given(
    st.text(st.sampled_from([*"aé1☀❤\U0001f469\U0001f3f4\u20e3", *MARKS]), max_size=8) | ANYTHING
)
def test_text_without_marks_is_left_as_it_is(text: str) -> None:
    left = without_marks(text)
    assert without_marks(left) == left
    assert [char for char in left if not without_marks(char)] == [
        char for char in left if char in PARTS_OF_EMOJI
    ]

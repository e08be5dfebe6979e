from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatcher.errors import InvalidText
from dispatcher.texts import as_sent, wire_text
from dispatcher.texts.estimate import Estimator
from dispatcher.texts.segments import measure
from dispatcher.texts.templates import compile_template

PIECES = st.lists(
    st.sampled_from(
        [
            "{{ a }}",
            '{{ a | default("toi") }}',
            "{{ b }}",
            "Bonjour ",
            "à ",
            "ê",
            "€",
            ":br:",
            ":",
            "br",
            "euro",
            "\n",
            "\u0301",
            "é",
            "{",
            "x" * 70,
            "😀",
            " ",
        ]
    ),
    max_size=9,
).map("".join)
VALUES = st.text(st.sampled_from("abé êç’€:br\n\u0301{x 😀o"), max_size=80)


def arriving(text: str) -> str:
    return as_sent(wire_text(text))


@settings(deadline=None, max_examples=500)
@given(PIECES, VALUES, VALUES, st.sampled_from(["", "x" * 14]))
def test_estimate_equals_the_measured_segments(text: str, a: str, b: str, tail: str) -> None:
    fields = {"a": a, "b": b}
    try:
        template = compile_template(text)
        estimate = Estimator(template, tail).estimate(fields)
        arrives = arriving(template.render(fields))
    except InvalidText:
        return
    if estimate is not None:
        assert estimate == (measure(arrives + tail).segments, len(arrives + tail))


@pytest.mark.parametrize(
    "text", ["Bonjour {{ a }} !", "Hé {{ a }}, 12 € chez https://un.example/x"]
)
def test_value_in_gsm7_gets_an_estimate(text: str) -> None:
    assert Estimator(compile_template(text), "").estimate({"a": "Éléonore-Zoé d'été 2"}) is not None


@pytest.mark.parametrize("value", ["", " ", "Zoê", "a:b", "12 €", "a\nb", "e\u0301", "Ω≈", "😀"])
def test_value_that_may_change_on_the_way_gets_no_estimate(value: str) -> None:
    assert Estimator(compile_template("Bonjour {{ a }} !"), "").estimate({"a": value}) is None

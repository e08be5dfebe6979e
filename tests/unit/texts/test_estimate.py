from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatcher.errors import InvalidText
from dispatcher.texts import arrival
from dispatcher.texts.estimate import Estimator
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
MENTIONS = ["STOP", "au 36180", "STOP au 36180", "36180", "non", "p 36180", "op", "s", "sto", "x"]
STOPS = st.lists(
    st.sampled_from(["{{ a }}", "{{ b }}", "STOP", " au ", " ", "36180", "s", "TOP", "NON", ". "]),
    min_size=1,
    max_size=6,
).map("".join)
VALUES = st.text(st.sampled_from("abé êç’€:br\n\u0301{x 😀o"), max_size=80)


@settings(max_examples=500)
@given(PIECES, VALUES, VALUES, st.sampled_from([0, 14]))
def test_estimate_equals_the_measured_segments(text: str, a: str, b: str, budget: int) -> None:
    fields = {"a": a, "b": b}
    try:
        template = compile_template(text)
        estimator = Estimator(template, budget)
        estimate = estimator.estimate(fields)
        arrives = arrival(template.render(fields), budget=budget)
    except InvalidText:
        return
    if estimate is not None:
        assert estimate == (arrives.measure.segments, arrives.length)
        assert estimator.has_stop == arrives.has_stop


@settings(max_examples=500)
@given(STOPS, st.text(st.sampled_from("stopSTOP "), max_size=5), st.sampled_from(MENTIONS))
def test_estimate_never_overlooks_a_stop_mention(text: str, a: str, b: str) -> None:
    template = compile_template(text)
    estimator = Estimator(template, 14)
    fields = {"a": a or "x", "b": b}
    if estimator.estimate(fields) is not None:
        assert estimator.has_stop == arrival(template.render(fields)).has_stop


def test_value_that_makes_a_shop_of_a_mention_is_rendered() -> None:
    estimator = Estimator(compile_template('{{ a }} "STOP 36180'), 14)
    assert not estimator.has_stop
    assert estimator.estimate({"a": "le"}) is None


@pytest.mark.parametrize(
    "text", ["Bonjour {{ a }} !", "Hé {{ a }}, 12 € chez https://un.example/x"]
)
def test_value_in_gsm7_gets_an_estimate(text: str) -> None:
    assert Estimator(compile_template(text), 0).estimate({"a": "Éléonore-Zoé d'été 2"}) is not None


@pytest.mark.parametrize("value", ["", " ", "Zoê", "a:b", "12 €", "a\nb", "e\u0301", "Ω≈", "😀"])
def test_value_that_may_change_on_the_way_gets_no_estimate(value: str) -> None:
    assert Estimator(compile_template("Bonjour {{ a }} !"), 0).estimate({"a": value}) is None

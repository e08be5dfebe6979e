"""What is asked of parts, and of whole texts, is the same."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dispatcher.gateway.smspartner.wire.requests import bulk_body
from dispatcher.texts import Call, wire_text, wire_texts
from dispatcher.texts.rendered import Rendered, said_in
from dispatcher.texts.templates import MissingField, compile_template

#: pieces of mentions, tags, and what JSON escapes
PIECES = ["stop", "ST", "OP", "sto", "p", ":", ":b", "br", "r:", "euro", "€", "\n", " ", " : ", "é"]
PIECES += ["œ", '"', "\\", "\\u0000", "😀", "STOP au 36180", "-", "'", "a", "“", "e\u0301"]
WORDS = st.lists(st.sampled_from(PIECES), max_size=4).map("".join)


@settings(max_examples=400)
@given(
    st.lists(WORDS, min_size=1, max_size=4),
    st.lists(st.lists(WORDS, min_size=3, max_size=3), min_size=1, max_size=3),
)
@example(["", ""], [["stop"] * 3])
@example(["s", "op"], [["t"] * 3])
@example(["€", "€"], [["br", "euro", ":br:"]])
def test_parts_are_spelled_and_said_as_the_texts_are(
    literals: list[str], rows: list[list[str]]
) -> None:
    text = "".join(f"{one}{{{{ f{at} | default('x') }}}}" for at, one in enumerate(literals))
    template = compile_template(text)
    try:
        texts = template.render_all([{f"f{at}": v for at, v in enumerate(row)} for row in rows])
    except MissingField:
        return
    each = [wire_text(one) for one in texts]

    wires = wire_texts(texts)
    assert wires == each
    for commercial in (True, False):
        call, plain = (Call.of(one, commercial=commercial) for one in (wires, list(each)))
        assert (call.unicode, call.stop) == (plain.unicode, plain.stop)
    phones = [f"+336399800{number:02}" for number in range(len(rows))]
    assert bulk_body(phones, wires, {"apiKey": "k"}) == bulk_body(phones, each, {"apiKey": "k"})


def escaped(texts: Sequence[str]) -> list[str]:
    return [json.dumps(text)[1:-1] for text in texts]


def test_texts_are_spelled_part_by_part() -> None:
    texts = Rendered(["Bonjour ", ', "été" ?'], [["Léa", 'Jean "Jo"']], 2)
    assert texts == ['Bonjour Léa, "été" ?', 'Bonjour Jean "Jo", "été" ?']
    assert texts.spelled(escaped) == escaped(texts)
    assert texts.spelled(lambda parts: None if "Léa" in parts else escaped(parts)) is None


def test_one_text_for_all_has_one_part() -> None:
    texts = Rendered(["Soldes demain"], [], 3)
    assert texts == ["Soldes demain"] * 3
    assert (said_in(texts), texts.spelled(escaped)) == ("Soldes demain", ["Soldes demain"] * 3)


@pytest.mark.parametrize(
    "literals",
    [["ST", " 36180"], ["STOP ", "6180"], ["a ", "", " b"], ["a :", " b"], [" a", ":br"]],
)
def test_parts_that_may_form_a_word_with_a_value_are_not_looked_at_alone(
    literals: list[str],
) -> None:
    texts = Rendered(literals, [["OP au 3"]] * (len(literals) - 1), 1)
    assert said_in(texts) == texts[0]

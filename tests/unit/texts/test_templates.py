from __future__ import annotations

import re
from collections.abc import Mapping

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dispatcher.errors import InvalidText
from dispatcher.texts import as_sent, wire_text
from dispatcher.texts.templates import MissingField, compile_template
from tests.unit.strategies import ANYTHING, TAGGY


def naive(text: str, fields: Mapping[str, str]) -> str:
    """What a template means, for values without colons or anything invisible."""

    def value(match: re.Match[str]) -> str:
        given = fields.get(match[1], "").strip()
        if not given and match[3] is None:
            raise MissingField(match[1])
        return given or match[3].replace(":br:", "\n").replace(":euro:", "€")

    pieces = re.split(r"(\{\{.*?\}\})", text)
    if len(pieces) == 1:
        return text
    pieces[::2] = [each.replace(":br:", "\n").replace(":euro:", "€") for each in pieces[::2]]
    pattern = r"""\{\{\s*(.+?)\s*(?:\|\s*default\((["'])(.*?)\2\)\s*)?\}\}"""
    pieces[1::2] = [re.sub(pattern, value, each) for each in pieces[1::2]]
    return "".join(pieces)


FIELDS = st.sampled_from(["prenom", "Prénom", "code-promo", "nom du client", "x1", "_"])
CONSTRUCTS = st.builds(
    "{{{{{0}{1}{0}{2}}}}}".format,
    st.sampled_from(["", " ", "\xa0 "]),
    FIELDS,
    st.sampled_from(["", "", '|default("")', "| default('à tous') ", '| default("a:br:b") ']),
)
LITERALS = st.text("aé%s:€ {}\n").filter(
    lambda text: not re.search(r"\{\{|\}\}|\{%|^\}|\{$", text)
) | st.sampled_from([" :br: ", " :euro: ", "100 %", "%s", "%(x)s", "{0}"])
VALUES = st.text("aÀ %'\"{}|", max_size=8) | st.sampled_from(["{{ prenom }}", "%s", "{% if %}"])


@given(
    st.lists(st.one_of(CONSTRUCTS, LITERALS)).map(" ".join),
    st.dictionaries(FIELDS, VALUES),
)
def test_rendering_equals_a_simple_implementation(text: str, fields: dict[str, str]) -> None:
    template = compile_template(text)
    missing = [name for name in template.required if not fields.get(name, "").strip()]
    if missing:
        with pytest.raises(MissingField) as caught:
            template.render(fields)
        assert caught.value.field in missing
    else:
        assert template.render(fields) == naive(text, fields)


def test_template_names_its_fields_once_in_order() -> None:
    template = compile_template(
        "{{ b }} {{a|default('')}} {{ b | default(\"x\") }} {{ Nom du client }} {{ B }}"
    )
    assert template.fields == ("b", "a", "Nom du client", "B")
    assert template.required == ("b", "Nom du client", "B")


def test_text_without_fields_is_returned_unchanged() -> None:
    text = "100 % plain {here}:br:"
    assert compile_template(text).render({"here": "x"}) is text


def test_missing_or_blank_value_is_replaced_by_the_default() -> None:
    template = compile_template("Bonjour {{ prenom | default('à tous') }} !")
    assert template.render({}) == "Bonjour à tous !"
    assert template.render({"prenom": " \t"}) == "Bonjour à tous !"
    assert template.render({"prenom": "Léa"}) == "Bonjour Léa !"


@pytest.mark.parametrize(
    "filter_",
    [
        'default("à tous")',
        "default('à tous')",
        'default:"à tous"',
        "default:'à tous'",
        ' default : "à tous" ',
        "default(“à tous”)",
        "default(”à tous”)",
        "default(„à tous“)",
        "default:“à tous”",
        "default(‘à tous’)",
        "default(«à tous»)",
        "default(« à tous »)",
        "default(«\xa0à tous\u202f»)",
        'default(“à tous")',
    ],
)
def test_default_is_understood_as_django_and_editors_write_it(filter_: str) -> None:
    template = compile_template(f"Bonjour {{{{ prenom|{filter_} }}}} !")
    assert template.render({}) == "Bonjour à tous !"


def test_default_in_curly_quotes_may_hold_an_apostrophe() -> None:
    assert compile_template("{{ x | default(“l’ami d'ici”) }}").render({}) == "l’ami d'ici"
    assert compile_template("{{ x | default(‘l’ami’) }}").render({}) == "l’ami"


@pytest.mark.parametrize(
    "fields", [{}, {"Prenom": "Léa"}, {"prenom": ""}, {"prenom": " \xa0"}, {"prenom": "\x00\u200b"}]
)
def test_required_field_without_value_raises_missing_field(fields: dict[str, str]) -> None:
    with pytest.raises(MissingField, match="“prenom”") as caught:
        compile_template("Bonjour {{ prenom }}").render(fields)
    assert caught.value.field == "prenom"


@pytest.mark.parametrize(
    ("value", "rendered"),
    [
        (" Léa ", "Léa"),
        ("Anne\nMarie", "Anne Marie"),
        ("Anne\r\n\tMarie", "Anne Marie"),
        ("L\x00é\x07a\u200b", "Léa"),
        ("{{ prenom }}", "{{ prenom }}"),
        ("%s %(prenom)s", "%s %(prenom)s"),
        ("a:br:b", "a: br:b"),
        (":br:br:", ": br: br:"),
        ("12 :euro:", "12 : euro:"),
        ("10:30", "10:30"),
    ],
)
def test_value_with_template_syntax_stays_text(value: str, rendered: str) -> None:
    assert compile_template("[{{ prenom }}]").render({"prenom": value}) == f"[{rendered}]"


@example("€euro{{ nom }}", [{"nom": "€"}, {"nom": ":"}])
@given(
    st.lists(st.one_of(CONSTRUCTS, LITERALS)).map(" ".join),
    st.lists(st.dictionaries(FIELDS, st.one_of(VALUES, TAGGY, st.just(" \x00"))), max_size=4),
)
def test_render_all_equals_render_for_each(text: str, rows: list[dict[str, str]]) -> None:
    template = compile_template(text)
    try:
        each = [template.render(row) for row in rows]
    except MissingField:
        with pytest.raises(MissingField):
            template.render_all(rows)
    else:
        assert template.render_all(rows) == each


@given(TAGGY)
def test_value_cannot_make_or_break_a_line_break_tag(value: str) -> None:
    template = compile_template("A:{{ x | default('') }}:\nb{{ x | default('') }}r:br:{{ y }}€br:")
    sent = as_sent(wire_text(template.render({"x": value, "y": "br"})))
    assert sent.count("\r\n") == 2
    assert sent.count("€") == 1 + 2 * value.count("€")


@pytest.mark.parametrize(
    "name",
    [
        "Nom de l'enfant",
        "Montant (€)",
        "N° client",
        "Tél. fixe",
        "C.P.",
        "Prénom/Nom",
        "e-mail",
        "2",
    ],
)
def test_field_has_any_name_of_a_column(name: str) -> None:
    template = compile_template(f"a {{{{ {name} }}}} {{{{{name}|default('x')}}}}")
    assert template.slots == ((name, None), (name, "x"))
    assert template.render({name: "b"}) == "a b b"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("Bonjour {{ client.prenom }}", "Position 9: only"),
        ("{{ prenom() }}", "Position 1: only"),
        ("{{ prenom | upper }}", "Position 1: only"),
        ("{{ prenom | default(autre) }}", "Position 1: only"),
        ("{{ prenom | default(\"a') }}", "Position 1: only"),
        ('{{ prenom | default("a"b") }}', "Position 1: only"),
        ("{{ prenom | default }}", "Position 1: only"),
        ("{{ prenom | default: x }}", "Position 1: only"),
        ("{{ }}", "Position 1: only"),
        ("{{{ prenom }}}", "Position 1: only"),
        ("{{ a }} {% if b %}", "Position 9: only"),
        ("a {{ prenom", "Position 3: “{{” is never closed"),
        ("{ prenom }}", "Position 10: “}}” closes nothing"),
    ],
)
def test_unknown_construct_is_refused_with_its_position(text: str, complaint: str) -> None:
    with pytest.raises(InvalidText, match=complaint):
        compile_template(text)


@given(
    st.one_of(ANYTHING, st.lists(st.sampled_from([*"{}%|\"'() a.:", "{{", "}}", "default"]))).map(
        "".join
    ),
    st.dictionaries(st.text(max_size=3), ANYTHING),
)
def test_any_template_compiles_or_raises_invalid_text(text: str, fields: dict[str, str]) -> None:
    try:
        rendered = compile_template(text).render(fields)
    except InvalidText as refusal:
        raised = str(refusal)
    else:
        assert isinstance(rendered, str)
        return
    assert raised.startswith(("Position ", "The field "))


def test_many_blanks_in_a_field_are_read_in_linear_time() -> None:
    with pytest.raises(InvalidText):
        compile_template("{{ a" + " " * 200_000 + "b c" * 50_000)

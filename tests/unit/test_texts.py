from __future__ import annotations

import re
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatcher.advice import Advice, advise
from dispatcher.errors import InvalidText
from dispatcher.segments import MAX_SEGMENTS, measure
from dispatcher.texts import (
    MissingField,
    as_sent,
    check,
    compile_template,
    has_stop,
    needs_unicode,
    wire_text,
)

GRIN = "\U0001f600"
ANYTHING = st.text(st.characters())
#: what tags, line breaks and their neighbours are made of
TAGGY = st.lists(st.sampled_from([*":€~\n\u200b：", "b", "br", "euro", ":br:", ":euro:"])).map(
    "".join
)
TYPOGRAPHY = st.text("abcàçéêœŒ«»“”‘’–—…€ \xa0\u202f\u2009°ïÏŸíñ½²№\n")


def arriving(text: str) -> str:
    return as_sent(wire_text(text))


# -- what the gateway does


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("ÀÁÂÃÄ ÈÊË Î ÔÖ ÙÚÛÜ Ý Ñ", "AAAAA EEE I OO UUUU Y N"),
        ("äáâã ą ëê ïî ôöó ûüµ ÿ ñ", "aaaa à ee ii ooo uuu y n"),
        # a capital, as the GSM alphabet has it; longer
        ("ça œuf", "Ça oeuf"),
        ("‘a’ `b“ «c»", "'a' 'b' \"c\""),
        ("[a] {b} 20°", "(a) (b) 20."),
        # deleted without a word
        ("a^b~c|d\\e¨f§g", "abcdefg"),
        ("^^^", ""),
        ("a:br:b :euro:", "a\r\nb €"),
        # kept: GSM-7 has them, or the table is silent
        ("àéèùÉìò @£€ æÆøØåÅß", "àéèùÉìò @£€ æÆøØåÅß"),
        ("ŒÏŸ ” – — … \xa0\u202f " + GRIN, "ŒÏŸ ” – — … \xa0\u202f " + GRIN),
        ("e\u0301", "e\u0301"),
    ],
)
def test_the_gateway_rewrites_a_text(written: str, sent: str) -> None:
    assert as_sent(written) == sent


@settings(deadline=None)
@given(ANYTHING.map(lambda text: text.replace(":", "")))
def test_what_was_rewritten_once_stays_so(text: str) -> None:
    assert as_sent(as_sent(text)) == as_sent(text)


# -- what is put in the request


@pytest.mark.parametrize(
    ("written", "wire", "arrives"),
    [
        ("a\nb\r\nc\rd\u2028e", "a:br:b:br:c:br:d:br:e", "a\r\nb\r\nc\r\nd\r\ne"),
        ("12\xa0€", "12 :euro:", "12 €"),
        ("a:br:b :euro:", "a:br:b :euro:", "a\r\nb €"),
        ("“a” – b — c…", '"a" - b - c...', '"a" - b - c...'),
        ("Œuvre, NOËL, Ï, Ÿ", "OEuvre, NOËL, I, Y", "OEuvre, NOEL, I, Y"),
        ("l’été à 20\u202f%\u2009!", "l’été à 20 % !", "l'été à 20 % !"),
        ("e\u0301te\u0301", "été", "été"),
        ("soft\u00adhyphen\u200b\ufeff", "softhyphen", "softhyphen"),
        ("½ m² n№ ﬁn ™ ®", "1/2 m2 nNo fin TM (r)", "1/2 m2 nNo fin TM (r)"),
        ("Dvořák, Łódź", "Dvorák, Lódz", "Dvorak, Lodz"),
        ("a\tb", "a b", "a b"),
        ("[vip]", "[vip]", "(vip)"),
        # pictures and other alphabets need Unicode and are left alone
        (f"{GRIN} ❤\ufe0f 1\ufe0f\u20e3 ™\ufe0f", f"{GRIN} ❤\ufe0f 1\ufe0f\u20e3 ™\ufe0f", None),
        ("Привет, γειά, 你好", "Привет, γειά, 你好", None),
    ],
)
def test_a_text_is_spelled_for_the_request(written: str, wire: str, arrives: str | None) -> None:
    assert wire_text(written) == wire
    assert as_sent(wire) == (wire if arrives is None else arrives)


@settings(deadline=None)
@given(TYPOGRAPHY)
def test_french_typography_arrives_without_unicode(text: str) -> None:
    assert not needs_unicode(text)
    assert wire_text(wire_text(text)) == wire_text(text)


@settings(deadline=None)
@given(TAGGY.filter(lambda text: ":br:" not in text and ":euro:" not in text))
def test_line_breaks_and_euros_arrive_as_many_as_were_written(text: str) -> None:
    lines = len(re.findall("\r\n|\n|\r", text))
    sent = arriving(text)
    assert (sent.count("\r\n"), sent.count("€")) == (lines, text.count("€"))


def test_unicode_is_needed_for_what_has_no_plain_spelling() -> None:
    assert needs_unicode(f"Merci {GRIN}")
    assert not needs_unicode("Fête de Noël – “ça” commence…")


@settings(deadline=None)
@given(ANYTHING | TYPOGRAPHY)
def test_unicode_is_needed_when_what_arrives_does_not_fit_gsm_7(text: str) -> None:
    assert needs_unicode(text) == (measure(arriving(text)).encoding == "UCS-2")


# -- what is refused


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "empty"),
        (" \n\xa0", "empty"),
        ("a\x07", r"Position 2 holds a control character \(U\+0007\)"),
        ("a\x1b[31m", r"Position 2 holds a control character \(U\+001B\)"),
        ("\ud83d", r"Position 1 holds half a character \(U\+D83D\)"),
        ("^~|\\", "deleted"),
        ("\ufeff\u200b", "deleted"),
        ("a" * 1531, "takes 11 segments; the most is 10"),
        ("€" * 766, "takes 11 segments"),
        (GRIN * 331, "takes 11 segments"),
    ],
)
def test_a_text_that_cannot_be_sent_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(InvalidText, match=complaint):
        check(text)


@pytest.mark.parametrize(
    "text",
    [
        "a",
        "a\tb\r\nc",
        "a" * 1530,
        GRIN * 330,
        # dearer as written than as it arrives
        "ê" * 1530,
    ],
)
def test_a_text_that_can_be_sent_passes(text: str) -> None:
    check(text)


@settings(deadline=None)
@given(ANYTHING)
def test_any_text_passes_or_is_refused_as_invalid(text: str) -> None:
    try:
        check(text)
    except InvalidText:
        return
    assert 1 <= measure(arriving(text)).segments <= MAX_SEGMENTS
    arriving(text).encode()


# -- what is advised


def test_advice_tells_what_is_replaced_deleted_or_dear() -> None:
    assert advise(f"ê’ça~ {GRIN}ê") == [
        Advice("ê", 2, "e", "ê becomes “e”."),
        Advice("’", 1, "'", "’ becomes “'”."),
        Advice("ç", 1, "Ç", "ç becomes “Ç”; write “c” if that reads better."),
        Advice("~", 1, "", "~ is deleted; write it another way if a link or a code needs it."),
        Advice(GRIN, 1, None, f"{GRIN} needs Unicode; segments with its like: 1, without: 1."),
    ]


def test_advice_counts_what_unicode_costs() -> None:
    (advice,) = advise("a" * 150 + "\u200d")
    assert advice.message == "U+200D needs Unicode; segments with its like: 3, without: 1."


def test_advice_composes_accents_first() -> None:
    assert [(advice.character, advice.becomes) for advice in advise("e\u0302")] == [("ê", "e")]


@pytest.mark.parametrize(
    "text",
    ["", "Plain, été à 12 €", "a\nb", "12\xa0%", 'Bonjour {{ prénom | default("tête") }}'],
)
def test_there_is_no_advice_on_what_arrives_as_it_looks(text: str) -> None:
    assert advise(text) == []


@settings(deadline=None)
@given(ANYTHING)
def test_a_text_needs_unicode_when_some_advice_says_so(text: str) -> None:
    text = text.replace("{", "")
    assert needs_unicode(text) == any(advice.becomes is None for advice in advise(text))


# -- the opt-out mention


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Soldes ! STOP 36180", True),
        ("Soldes ! stop au 36180", True),
        ("Soldes ! STOP SMS 36034", True),
        ("Soldes ! STOP SMS au 36034.", True),
        ("Soldes !\nSTOP\xa0:\xa036034", True),
        ("Envoyez STOP par SMS au 36180", True),
        ("STOP36180", True),
        ("NoPub=STOP", True),
        ("nopub = stop", True),
        ("Non-stop de 8h à 20h", False),
        ("STOPPER au 36180", False),
        ("STOP au 3618", False),
        ("STOP au 361800", False),
        ("Appelez le 36180", False),
    ],
)
def test_an_opt_out_mention_is_recognised(text: str, said: bool) -> None:
    assert has_stop(text) is said


# -- fields


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


@settings(deadline=None)
@given(
    st.lists(st.one_of(CONSTRUCTS, LITERALS)).map(" ".join),
    st.dictionaries(FIELDS, VALUES),
)
def test_rendering_is_what_a_naive_reading_gives(text: str, fields: dict[str, str]) -> None:
    template = compile_template(text)
    missing = [name for name in template.required if not fields.get(name, "").strip()]
    if missing:
        with pytest.raises(MissingField) as caught:
            template.render(fields)
        assert caught.value.field in missing
    else:
        assert template.render(fields) == naive(text, fields)


def test_a_template_names_its_fields_once_in_order() -> None:
    template = compile_template(
        "{{ b }} {{a|default('')}} {{ b | default(\"x\") }} {{ Nom du client }} {{ B }}"
    )
    assert template.fields == ("b", "a", "Nom du client", "B")
    assert template.required == ("b", "Nom du client", "B")


def test_a_text_without_fields_is_rendered_as_it_is() -> None:
    text = "100 % plain {here}:br:"
    assert compile_template(text).render({"here": "x"}) is text


def test_a_default_stands_in_for_what_is_missing_or_blank() -> None:
    template = compile_template("Bonjour {{ prenom | default('à tous') }} !")
    assert template.render({}) == "Bonjour à tous !"
    assert template.render({"prenom": " \t"}) == "Bonjour à tous !"
    assert template.render({"prenom": "Léa"}) == "Bonjour Léa !"


@pytest.mark.parametrize(
    "fields", [{}, {"Prenom": "Léa"}, {"prenom": ""}, {"prenom": " \xa0"}, {"prenom": "\x00\u200b"}]
)
def test_a_required_field_without_value_is_missing(fields: dict[str, str]) -> None:
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
def test_a_value_is_only_ever_text(value: str, rendered: str) -> None:
    assert compile_template("[{{ prenom }}]").render({"prenom": value}) == f"[{rendered}]"


@settings(deadline=None)
@given(TAGGY)
def test_a_value_adds_no_line_break_and_takes_none_away(value: str) -> None:
    template = compile_template("A:{{ x | default('') }}:\nb{{ x | default('') }}r:br:{{ y }}€br:")
    sent = arriving(template.render({"x": value, "y": "br"}))
    assert sent.count("\r\n") == 2
    assert sent.count("€") == 1 + 2 * value.count("€")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("Bonjour {{ client.prenom }}", "Position 9: only"),
        ("{{ prenom() }}", "Position 1: only"),
        ("{{ prenom | upper }}", "Position 1: only"),
        ("{{ prenom | default(autre) }}", "Position 1: only"),
        ("{{ prenom | default(\"a') }}", "Position 1: only"),
        ("{{ }}", "Position 1: only"),
        ("{{{ prenom }}}", "Position 1: only"),
        ("{{ a }} {% if b %}", "Position 9: only"),
        ("a {{ prenom", "Position 3: “{{” is never closed"),
        ("{ prenom }}", "Position 10: “}}” closes nothing"),
    ],
)
def test_any_other_construct_is_refused_with_its_position(text: str, complaint: str) -> None:
    with pytest.raises(InvalidText, match=complaint):
        compile_template(text)


@settings(deadline=None)
@given(
    st.one_of(ANYTHING, st.lists(st.sampled_from([*"{}%|\"'() a.:", "{{", "}}", "default"]))).map(
        "".join
    ),
    st.dictionaries(st.text(max_size=3), ANYTHING),
)
def test_a_template_raises_nothing_but_invalid_text(text: str, fields: dict[str, str]) -> None:
    try:
        rendered = compile_template(text).render(fields)
    except InvalidText as refusal:
        raised = str(refusal)
    else:
        assert isinstance(rendered, str)
        return
    assert raised.startswith(("Position ", "The field "))


def test_many_blanks_in_a_field_are_read_in_one_pass() -> None:
    with pytest.raises(InvalidText):
        compile_template("{{ a" + " " * 200_000 + "b c" * 50_000)

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatcher.errors import InvalidText
from dispatcher.texts import (
    as_sent,
    checked,
    needs_unicode,
    wire_text,
    wire_texts,
)
from dispatcher.texts.lint import Finding, findings_in
from dispatcher.texts.segments import MAX_SEGMENTS, measure
from tests.unit.strategies import ANYTHING, TAGGY

GRIN = "\U0001f600"
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
def test_text_arrives_as_the_gateway_rewrites_it(written: str, sent: str) -> None:
    assert as_sent(written) == sent


@given(ANYTHING.map(lambda text: text.replace(":", "")))
def test_as_sent_twice_equals_once(text: str) -> None:
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
def test_text_is_spelled_for_the_request(written: str, wire: str, arrives: str | None) -> None:
    assert wire_text(written) == wire
    assert as_sent(wire) == (wire if arrives is None else arrives)


@given(TYPOGRAPHY)
def test_french_typography_arrives_without_unicode(text: str) -> None:
    assert not needs_unicode(text)
    assert wire_text(wire_text(text)) == wire_text(text)


@given(TAGGY.filter(lambda text: ":br:" not in text and ":euro:" not in text))
def test_every_line_break_and_euro_arrives(text: str) -> None:
    lines = len(re.findall("\r\n|\n|\r", text))
    sent = arriving(text)
    assert (sent.count("\r\n"), sent.count("€")) == (lines, text.count("€"))


def test_character_without_plain_spelling_needs_unicode() -> None:
    assert needs_unicode(f"Merci {GRIN}")
    assert not needs_unicode("Fête de Noël – “ça” commence…")


@given(ANYTHING | TYPOGRAPHY)
def test_text_that_arrives_outside_gsm7_needs_unicode(text: str) -> None:
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
def test_unsendable_text_is_refused_with_its_reason(text: str, complaint: str) -> None:
    with pytest.raises(InvalidText, match=complaint):
        checked(text)


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
def test_sendable_text_passes(text: str) -> None:
    checked(text)


@given(ANYTHING)
def test_any_text_passes_or_raises_invalid_text(text: str) -> None:
    try:
        checked(text)
    except InvalidText:
        return
    assert 1 <= measure(arriving(text)).segments <= MAX_SEGMENTS
    arriving(text).encode()


# -- findings


def test_character_that_is_replaced_deleted_or_needs_unicode_is_a_finding() -> None:
    assert findings_in("ê’ça~ ê") == [
        Finding("ê", 2, "e", "ê becomes “e”."),
        Finding("’", 1, "'", "’ becomes “'”."),
        Finding("ç", 1, "Ç", "ç becomes “Ç”; write “c” if that reads better."),
        Finding("~", 1, "", "~ is deleted; write it another way if a link or a code needs it."),
    ]


def test_text_in_unicode_has_no_finding_on_what_only_gsm7_would_replace() -> None:
    assert findings_in(f"ê’ça~ “x” {GRIN}ê") == [
        Finding("“", 1, '"', '“ becomes “"”.'),
        Finding("”", 1, '"', '” becomes “"”.'),
        Finding(GRIN, 1, None, f"{GRIN} needs Unicode: 1 segment with such characters, 1 without."),
    ]


def test_finding_on_unicode_counts_segments_with_and_without() -> None:
    (finding,) = findings_in("a" * 150 + "Ж")
    assert finding.message == "Ж needs Unicode: 3 segments with such characters, 1 without."


def test_mark_that_nobody_sees_is_found_and_costs_nothing() -> None:
    (finding,) = findings_in("a" * 150 + "\u200d")
    assert finding.message == "U+200D is left out: nobody sees it."


def test_sequence_of_emoji_is_one_finding() -> None:
    family = "\U0001f469\u200d\U0001f467"
    assert [finding.character for finding in findings_in(f"a ❤\ufe0f {family}")] == [
        "❤\ufe0f",
        family,
    ]


def test_decomposed_accent_is_composed_before_findings() -> None:
    assert [(finding.character, finding.becomes) for finding in findings_in("e\u0302")] == [
        ("ê", "e")
    ]


@pytest.mark.parametrize(
    "text",
    ["", "Plain, été à 12 €", "a\nb", "12\xa0%", 'Bonjour {{ prénom | default("tête") }}'],
)
def test_text_that_arrives_as_written_has_no_finding(text: str) -> None:
    assert findings_in(text) == []


@given(ANYTHING)
def test_text_needs_unicode_if_a_finding_says_so(text: str) -> None:
    text = text.replace("{", "")
    assert needs_unicode(text) == any(finding.becomes is None for finding in findings_in(text))


# -- many texts


@given(st.lists(st.one_of(ANYTHING, TAGGY, TYPOGRAPHY, st.text("aé ")), max_size=4))
def test_many_texts_are_spelled_like_each_one(texts: list[str]) -> None:
    assert wire_texts(texts) == [wire_text(text) for text in texts]

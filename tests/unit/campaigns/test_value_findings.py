from __future__ import annotations

from collections.abc import Iterable

import pytest

from dispatcher.campaigns.planner import Planner
from dispatcher.recipients import Recipient


def findings(text: str, names: Iterable[str], *, private: bool = True) -> list[str]:
    planner = Planner(text, stop_budget=14)
    people = (
        Recipient(f"+3363998{n:04}", {"prenom": name}, row=n + 2) for n, name in enumerate(names)
    )
    for _ in planner.cut(people):
        pass
    return list(planner.texts.findings.sentences(planner.kept, private=private))


FLOWER = "\U0001f338"
LONG = "Bonjour {{ prenom }}, " + "x" * 100


def test_value_that_needs_unicode_is_named_with_its_price() -> None:
    assert findings(LONG, ["Marie"] * 499 + [f"Zoé {FLOWER}"]) == [
        f"1 of 500 needs Unicode for “{FLOWER}”: 2 segments instead of 1 (line 501)"
    ]


def test_several_values_that_need_unicode_are_counted_together() -> None:
    assert findings(LONG, ["Marie", f"Zoé {FLOWER}", "Иван", f"Zoé {FLOWER}"]) == [
        (
            f"3 of 4 need Unicode for “{FLOWER}”, “И”, “в”, “а”, “н”: 6 segments instead of 3"
            " (first in line 3)"
        )
    ]


def test_default_that_needs_unicode_is_named() -> None:
    text = f'Bonjour {{{{ prenom | default("ami {FLOWER}") }}}}'
    assert findings(text, ["Marie", ""]) == [
        f"1 of 2 needs Unicode for “{FLOWER}”: 1 segment instead of 1 (line 3)"
    ]


def test_names_that_lose_an_accent_are_counted_and_one_is_shown() -> None:
    assert findings("Bonjour {{ prenom }}", ["Zoé", "François", "Noël", "Noël"]) == [
        "3 of 4 lose an accent: “François” arrives as “FranÇois” (first in line 3)"
    ]


def test_text_in_unicode_loses_no_accent_and_alters_no_character() -> None:
    assert findings(f"Bonjour {FLOWER} {{{{ prenom }}}}", ["François", "a~b"]) == []


@pytest.mark.parametrize(
    ("value", "characters"),
    [
        ("https://ex.fr/~zoe/a_b?x[]=1|2", "~ [ ] |"),
        ("a^b", "^"),
        ("C:\\promo", "\\"),
        ("{code}", "{ }"),
        ("20°", "°"),
        ("§ 3", "§"),
    ],
)
def test_value_whose_characters_are_altered_is_named_with_its_line(
    value: str, characters: str
) -> None:
    assert findings("Voir {{ prenom }}", ["https://ex.fr/a", value, value]) == [
        (
            f"{characters} in “prenom” arrive as other characters or not at all: 2 of 3"
            " (first in line 3)"
        )
    ]


@pytest.mark.parametrize("value", ["l’été", "« oui »", "20\xa0%", "a – b…", "ŒUVRE D'ART"[2:]])
def test_plain_typography_is_no_finding(value: str) -> None:
    assert findings("Voir {{ prenom }}", [value]) == []


def test_findings_for_the_log_hold_no_value() -> None:
    names = [f"Zoé {FLOWER}", "François", "a~b"]
    for sentence in findings("Voir {{ prenom }}", names, private=False):
        assert not any(part in sentence for part in (FLOWER, "Fran", "Zoé"))


def test_duplicate_and_rejected_rows_are_in_no_finding() -> None:
    planner = Planner("Bonjour {{ prenom }}")
    rows = [("0639980001", "Noël"), ("0639980001", "Noël"), ("01", "Noël")]
    for _ in planner.cut(Recipient(phone, {"prenom": name}) for phone, name in rows):
        pass
    assert list(planner.texts.findings.sentences(planner.kept)) == [
        "1 of 1 loses an accent: “Noël” arrives as “Noel”"
    ]

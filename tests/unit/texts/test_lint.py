from __future__ import annotations

import pytest

from dispatcher.texts.lint import link_warnings, text_warnings


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("Soldes : https://bit.ly/3abc", "bit.ly"),
        ("Voir BIT.LY/3abc.", "bit.ly"),
        ("Ici tinyurl.com/x ou encore tinyurl.com/y", "tinyurl.com"),
    ],
)
def test_public_shortener_gets_one_warning_with_its_rule(text: str, host: str) -> None:
    (warning,) = link_warnings(text)
    assert host in warning
    assert "2026-03-01" in warning


@pytest.mark.parametrize(
    "text",
    ["", "https://maboutique.fr/soldes", "https://mabit.ly/x", "http://bit.lyon.fr", "rabbit.ly"],
)
def test_other_link_has_no_warning(text: str) -> None:
    assert link_warnings(text) == []


def test_text_that_needs_unicode_is_warned_of_with_its_price() -> None:
    assert text_warnings("Soldes 🌸 ❤\ufe0f {{ prenom }}") == [
        "the text needs Unicode for “🌸”, “❤\ufe0f”: a segment has 70 characters, not 160"
    ]
    assert text_warnings("Soldes d’été : ça, l’œuf, tête\u200b") == []

from __future__ import annotations

import pytest

from dispatcher.errors import InvalidText
from dispatcher.texts.lint import text_warnings
from dispatcher.texts.templates import compile_template


@pytest.mark.parametrize(
    "written",
    [
        "{prenom}",
        "{ prenom }",
        "${prenom}",
        "%PRENOM%",
        "%%prenom%%",
        "%prenom%",
        "[PRENOM]",
        "[[prenom]]",
        "[prenom]",
        "*|PRENOM|*",
        "<<prenom>>",
        "__PRENOM__",
        "<prenom>",
        "«Prénom»",
        "« prenom »",
        "#prenom#",
        "##PRENOM##",
        "$prenom",
        "@prenom",
    ],
)
def test_what_looks_like_a_field_of_another_program_is_warned_of(written: str) -> None:
    (warning,) = text_warnings(f"Bonjour {written}, -20 % sur tout")
    name = "Prénom" if "é" in written else "prenom"
    assert warning == f"“{written}” is sent as it is written: did you mean {{{{ {name} }}}}?"


@pytest.mark.parametrize(
    "text",
    [
        "Bonjour {{ prenom }}",
        'Bonjour {{ prenom | default("[ami]") }}',
        "-20 % et -30 % demain",
        "De 20% à 30% sur tout",
        "Votre code : AB_12_C",
        "Le «grand» soir",
        "Suivez-nous @maboutique #soldes",
        "a < b et c > d",
        "Prix : 12 $",
    ],
)
def test_ordinary_text_is_not_warned_of(text: str) -> None:
    assert text_warnings(text) == []


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Bonjour {{prenom}", "prenom"),
        ("Bonjour {{ prenom }, ça va ?", "prenom"),
        ("Bonjour {{ prenom, ça va ?", "prenom"),
        ("Bonjour {prenom}}", "prenom"),
        ("Bonjour {% prenom %}", "prenom"),
        ("Bonjour {{ prenom | upper }}", "prenom"),
    ],
)
def test_field_with_a_wrong_brace_is_refused_with_what_may_be_meant(text: str, name: str) -> None:
    with pytest.raises(InvalidText, match=f"Did you mean {{{{ {name} }}}}") as caught:
        compile_template(text)
    assert str(caught.value).startswith(("Position 9:", "Position 16: “}}” closes nothing"))


def test_backslash_n_in_a_text_is_warned_of() -> None:
    assert text_warnings("Bonjour\\nLigne 2") == ["“\\n” arrives as “n”: write a line break itself"]

"""Commands in French: what they say to people is translated, JSON stays as it is."""

from __future__ import annotations

import json
import re

import pytest

from tests.integration.cli.test_commands import BEFORE_EASTER, Shell, shell

__all__ = ["shell"]
#: words that no French line of these commands has
ENGLISH = re.compile(
    r"\b(?:the|of|rows?|recipients? kept|is|are|was|until|waits|cost|to go|leave|kept|warnings)\b"
)


@pytest.fixture
def french(shell: Shell) -> Shell:
    shell.set(language="fr")
    shell.set(prices="metropole=0.045")
    shell.at(BEFORE_EASTER)
    return shell


def test_plan_is_french_to_its_last_line(french: Shell) -> None:
    french.write()
    said = french("plan", "clients.csv", "--text", "Soldes à Noël, {{ nom }}").output
    assert "2 destinataires retenus sur 5 lignes, 1 doublon, 2 rejets, 1 lot" in said
    assert "Métropole  1 lot, 2 messages\xa0: mardi 8\xa0h (dimanche, lundi de Pâques)" in said
    assert "sam 27 mars" in said
    assert ENGLISH.findall(said) == []


def test_submission_progress_and_reasons_are_french(french: Shell) -> None:
    submitted = french.submit().output
    assert "attend jusqu'à mardi 8\xa0h\xa0: dimanche, lundi de Pâques" in submitted
    for words in (["progress", "soldes"], ["why", "soldes"], ["why"], ["campaigns"]):
        said = french(*words).output
        assert "mardi 8\xa0h" in said, words
        assert ENGLISH.findall(said) == [], words


def test_error_is_french_and_its_exit_code_the_same(french: Shell) -> None:
    result = french("progress", "soldes")
    assert result.exit_code == 1
    assert "dispatcher: il n'y a pas de campagne 'soldes'" in result.output
    french.write("mobile\nx\n")
    result = french("submit", "clients.csv", "--reference", "a", "--text", "Soldes")
    assert result.exit_code == 2
    assert "la seule ligne ne peut pas recevoir de SMS" in result.output


def test_checks_are_french(french: Shell) -> None:
    french.submit()
    said = french("doctor", "--only", "consent").output
    assert "✓ consentements: aucune de vos fonctions n'est interrogée" in said


def test_text_that_somebody_wrote_is_shown_as_it_is(french: Shell) -> None:
    said = french("lint", "--text", "no recipients", "--transactional").output
    assert "  no recipients" in said.splitlines()


def test_json_stays_english(french: Shell) -> None:
    french.submit()
    found = json.loads(french("progress", "soldes", "--json").output)
    assert found["state"] == "running"
    assert found["why"] == "Sunday, Easter Monday"

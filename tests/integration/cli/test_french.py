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
    french("migrate")
    result = french("progress", "soldes")
    assert result.exit_code == 1
    assert "dispatcher: il n'y a pas de campagne 'soldes'" in result.output
    french.write("mobile\nx\n")
    result = french("submit", "clients.csv", "--reference", "a", "--text", "Soldes")
    assert result.exit_code == 2
    assert "la seule ligne ne peut pas recevoir de SMS" in result.output


def test_stop_of_another_database_is_french(french: Shell) -> None:
    assert "n'existe pas\xa0: rien n'y a jamais été enregistré" in french("pause", "--all").output
    french("migrate")
    said = french("pause", "--all").stderr
    assert "ce qu'envoient les workers d'une autre base n'est pas en pause" in said


def test_checks_are_french(french: Shell) -> None:
    french.submit()
    said = french("doctor", "--only", "consent").output
    assert "✓ consentements: aucune de vos fonctions n'est interrogée" in said


def test_text_that_somebody_wrote_is_shown_as_it_is(french: Shell) -> None:
    said = french("lint", "--text", "no recipients", "--transactional").output
    assert "  no recipients" in said.splitlines()


@pytest.fixture
def in_france(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """A machine whose locale is French; no setting names a language."""
    monkeypatch.delenv("LC_ALL", raising=False)
    monkeypatch.delenv("LC_MESSAGES", raising=False)
    monkeypatch.setenv("LANG", "fr_FR.UTF-8")
    shell.at(BEFORE_EASTER)
    return shell


@pytest.mark.parametrize("words", [[], ["submit"], ["opt-outs"], ["opt-outs", "add"], ["record"]])
def test_help_is_french_where_the_locale_is(in_france: Shell, words: list[str]) -> None:
    said = in_france(*words, "--help").output
    assert said.startswith("Utilisation\xa0: dispatcher")
    assert "Afficher ce message et quitter." in said
    assert ENGLISH.findall(said) == []


def test_tables_are_french_where_the_locale_is(in_france: Shell) -> None:
    in_france.submit()
    in_france("opt-outs", "add", "0639980001")
    said = {
        words: in_france(*words.split()).output
        for words in ("opt-outs list", "record show", "record verify", "doubts", "spend", "window")
    }
    assert "1 numéro désinscrit" in said["opt-outs list"]
    assert "à la main" in said["opt-outs list"]
    assert re.search(r"quand +qui +d'où +quoi +objet +pourquoi", said["record show"])
    assert re.search(r"soumission +campagne 1", said["record show"])
    assert "2 entrées, aucune modifiée ni manquante" in said["record verify"]
    assert "rien n'est en doute" in said["doubts"]
    assert re.search(r"mois +prévu +réservé +facturé +écart", said["spend"])
    assert "fermé\xa0: dimanche, lundi de Pâques" in said["window"]
    assert {
        words: ENGLISH.findall(shown) for words, shown in said.items() if ENGLISH.findall(shown)
    } == {}


@pytest.mark.parametrize(
    ("words", "french"),
    [
        (["sumbit"], "Erreur\xa0: Il n'y a pas de commande «\xa0sumbit\xa0»."),
        (["submit"], "Erreur\xa0: Il manque l'argument «\xa0FICHIER\xa0»."),
        (["window", "--days", "0"], "0 n'est pas dans l'intervalle 1<=x<=92."),
        (["pause"], "Erreur\xa0: nommez une campagne, ou donnez --all"),
        (["evidence", "verify", "none"], "none\xa0: il n'y a rien de ce nom"),
    ],
)
def test_error_of_usage_is_french_where_the_locale_is(
    in_france: Shell, words: list[str], french: str
) -> None:
    result = in_france(*words)
    assert result.exit_code == 2
    assert french in result.output
    assert "Error" not in result.output


def test_setting_outweighs_the_locale(in_france: Shell) -> None:
    in_france("migrate")
    in_france.set(language="en")
    assert in_france("--help").output.startswith("Usage: dispatcher")
    assert "nobody opted out" in in_france("opt-outs", "list").output


def test_json_stays_english(french: Shell) -> None:
    french.submit()
    found = json.loads(french("progress", "soldes", "--json").output)
    assert found["state"] == "running"
    assert found["why"] == "Sunday, Easter Monday"


def test_picture_of_a_plan_is_french(french: Shell) -> None:
    french.write()
    french("plan", "clients.csv", "--text", "Soldes à Noël", "--svg", "when.svg")
    drawn = (french.directory / "when.svg").read_text(encoding="utf-8")
    title = re.search(r"<title[^>]*>([^<]+)</title>", drawn)
    assert title is not None
    assert title[1] == "2 messages en 1 lot\xa0: quand ils partent"
    assert "lundi de Pâques" in drawn
    assert "closed" not in re.sub(r'id="closed"|url\(#closed\)', "", drawn)


def test_what_is_stored_about_a_person_has_french_names(french: Shell) -> None:
    french.submit()
    said = french("person", "show", "06 39 98 00 01").output
    assert re.search(r"^messages\s?: 1 ligne$", said, re.MULTILINE)
    assert "numéro +33639980001" in said
    assert "campagne soldes" in said
    assert "émetteur" in said
    assert not re.search(r"\b(?:phone|sender|sent_at|state|row)\b", said)


def test_settings_are_described_in_french(french: Shell) -> None:
    said = " ".join(french("settings").output.split())
    assert "clé de SMS Partner" in said
    assert "never printed" not in said

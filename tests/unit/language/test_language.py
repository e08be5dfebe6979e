"""Sentences of the library in the reader's language."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from dispatcher.language import ENGLISH, FRENCH, chosen, of_environment

NOW = datetime(2027, 3, 27, 19, tzinfo=UTC)


@pytest.mark.parametrize(
    ("sentence", "french"),
    [
        ("Sunday, Easter Monday", "dimanche, lundi de Pâques"),
        ("before 08:00 in Paris", "avant 8\xa0h à Paris"),
        ("Sunday in La Réunion", "dimanche à La Réunion"),
        (
            "paused: no credit: at least 1,234.50 € are missing",
            "en pause\xa0: crédit insuffisant\xa0: il manque au moins 1\u202f234,50\xa0€",
        ),
        (
            "paused: stock épuisé; 3 batches are at the gateway",
            "en pause\xa0: stock épuisé\xa0; 3 lots sont à la passerelle",
        ),
        (
            "no worker has looked since 2026-11-29 08:00 UTC",
            "aucun worker ne s'est manifesté depuis le 29 novembre 2026 à\xa09\xa0h",
        ),
        (
            "per_hour is 1 to 1,000,000 messages",
            "per_hour va de 1 à 1\u202f000\u202f000 messages",
        ),
        (
            "smoothed  at most 2,000 an hour",
            "étalée    au plus 2\u202f000 par heure",
        ),
        # somebody typed it
        (
            "INTERVAL=1,000 is wrong: write it like INTERVAL=2",
            "INTERVAL=1,000 est faux\xa0: écrivez la règle comme INTERVAL=2",
        ),
        ("the sky is green", "the sky is green"),
        ("", ""),
    ],
)
def test_sentence_is_translated_by_its_pattern(sentence: str, french: str) -> None:
    assert FRENCH.say(sentence) == french
    assert ENGLISH.say(sentence) == sentence


def test_unknown_sentence_is_not_known() -> None:
    assert not FRENCH.knows("the sky is green")
    assert FRENCH.knows("scheduled")


@pytest.mark.parametrize(
    ("at", "english", "french"),
    [
        (datetime(2027, 3, 30, 6, tzinfo=UTC), "Tuesday 08:00", "mardi 8\xa0h"),
        (datetime(2027, 3, 30, 6, 5, tzinfo=UTC), "Tuesday 08:05", "mardi 8\xa0h\xa005"),
        (
            datetime(2027, 5, 1, 6, tzinfo=UTC),
            "Saturday 1 May 2027 08:00",
            "samedi 1er mai 2027 à 8\xa0h",
        ),
    ],
)
def test_instant_is_written_as_its_reader_says_it(at: datetime, english: str, french: str) -> None:
    assert ENGLISH.forms.moment(at, NOW) == english
    assert FRENCH.forms.moment(at, NOW) == french


def test_numbers_and_euros_are_written_in_the_readers_form() -> None:
    assert FRENCH.forms.number(1234567) == "1\u202f234\u202f567"
    assert FRENCH.forms.euros(Decimal("1234.5")) == "1\u202f234,50\xa0€"
    assert ENGLISH.forms.euros(Decimal("1234.5")) == "1,234.50 €"
    assert FRENCH.forms.month(date(2027, 4, 1)) == "avril 2027"


@pytest.mark.parametrize(
    ("codes", "code"),
    [(("fr-CA", "en"), "fr"), (("fr_FR.UTF-8",), "fr"), (("de", "fr"), "fr"), ((), "en")],
)
def test_first_code_that_is_ours_is_chosen(codes: tuple[str, ...], code: str) -> None:
    assert chosen(*codes).code == code


@pytest.mark.parametrize("code", ["frp_FR.UTF-8", "frr", "C", "POSIX", "", "french"])
def test_another_language_that_begins_alike_is_not_french(code: str) -> None:
    assert chosen(code) is ENGLISH


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({}, "en"),
        ({"LANG": "fr_FR.UTF-8"}, "fr"),
        ({"LANG": "fr"}, "fr"),
        ({"LANG": "fr_CA"}, "fr"),
        ({"LANG": "C"}, "en"),
        ({"LC_MESSAGES": "fr_FR.UTF-8", "LANG": "en_GB.UTF-8"}, "fr"),
        ({"LC_ALL": "C.UTF-8", "LC_MESSAGES": "fr_FR", "LANG": "fr_FR"}, "en"),
        ({"LC_ALL": "", "LC_MESSAGES": "", "LANG": "fr_FR"}, "fr"),
        ({"LC_ALL": "POSIX", "LANG": "fr_FR"}, "en"),
        ({"DISPATCHER_LANGUAGE": "fr", "LC_ALL": "C"}, "fr"),
        ({"DISPATCHER_LANGUAGE": "en", "LC_ALL": "fr_FR.UTF-8"}, "en"),
        ({"DISPATCHER_LANGUAGE": "", "LANG": "fr_FR"}, "fr"),
    ],
)
def test_language_is_the_setting_else_the_locale(values: dict[str, str], code: str) -> None:
    assert of_environment(values).code == code


def test_day_and_hour_are_written_as_their_reader_says_them() -> None:
    said = FRENCH.say("Saturday 2027-03-27 20:00 in Paris")
    assert said == "samedi 27 mars 2027 à 20\xa0h, heure de Paris"

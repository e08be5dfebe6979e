"""Where somebody else's row mentions a number."""

from __future__ import annotations

import unicodedata

import pytest

from dispatcher import Recipient
from dispatcher.recipients.spellings import other_digits
from dispatcher.storage import mentions
from tests.integration.bench import Bench, people

ANNE, BRUNO = people(2)
ZEROS = other_digits()[::3]
#: a list's columns are stored if the text names them
WORDS = "Bonjour {{ ami | default('vous') }}, soldes demain"


def in_script(number: str, zero: str) -> str:
    """The digits of a number, in the script of this zero."""
    return "".join(chr(ord(zero) + int(digit)) for digit in number if digit.isdecimal())


def mentioned(bench: Bench, field: str) -> bool:
    """Whether Bruno's row may mention Anne's number if it has this field."""
    bench.dispatcher.submit("soldes", WORDS, [Recipient(BRUNO, {"ami": field})])
    with bench.dispatcher.database.stream() as session:
        return bool(mentions.find(session, ANNE).batches)


@pytest.mark.parametrize("zero", ZEROS, ids=[unicodedata.name(zero) for zero in ZEROS])
def test_number_in_digits_of_any_script_is_found(bench: Bench, zero: str) -> None:
    assert mentioned(bench, f"l'amie Zoé : {in_script(ANNE, zero)}")


@pytest.mark.parametrize(
    "field", ["Zoé", "Ευα’s", "Ѣ", "\u065f", "\u07ca", "\U0001f600", "½²①", ""]
)
def test_words_without_digits_mention_nobody(bench: Bench, field: str) -> None:
    assert not mentioned(bench, field)

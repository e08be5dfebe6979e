"""Pseudonyms under a ring of keys."""

from __future__ import annotations

import pytest

from dispatcher.recipients.pseudonyms import MOST, Pseudonyms, ring_of

OLD, NEW = "a key of the tests, which hides nobody", "a newer key of the tests, before it"
PHONE, OTHER = "+33639980001", "+33639980002"


def test_ring_is_read_line_by_line_without_blanks_and_repetitions() -> None:
    assert ring_of(f"\n {NEW} \r\n\n{OLD}\n{NEW}\n") == [NEW, OLD]


@pytest.mark.parametrize(
    "lines", ["", " \n", "short", f"{OLD}\nshort", "\n".join(f"{OLD} {n}" for n in range(MOST + 1))]
)
def test_ring_with_too_few_too_many_or_short_keys_is_refused(lines: str) -> None:
    with pytest.raises(ValueError, match=r"^must have 1 to 8 keys"):
        ring_of(lines)


def test_number_has_one_pseudonym_a_key_and_gets_the_newest() -> None:
    newest, older = Pseudonyms(NEW, OLD).all_of(PHONE)
    assert (newest, older) == (
        Pseudonyms(NEW).newest_of(PHONE),
        Pseudonyms(OLD).newest_of(PHONE),
    )
    assert Pseudonyms(NEW, OLD).newest_of(PHONE) == newest != older


def test_pseudonym_is_its_own_under_every_key() -> None:
    ring = Pseudonyms(NEW, OLD)
    stored = Pseudonyms(OLD).newest_of(PHONE)
    assert ring.newest_of(stored) == stored
    assert ring.all_of(stored) == (stored,)
    assert ring.names([stored]) == {stored: stored}


def test_names_lead_back_to_the_number() -> None:
    ring = Pseudonyms(NEW, OLD)
    assert ring.names([PHONE, OTHER]) == {
        name: phone for phone in (PHONE, OTHER) for name in (phone, *ring.all_of(phone))
    }
    assert len(ring.names([PHONE, OTHER])) == 6


@pytest.mark.parametrize("key", [0, 1])
def test_number_in_a_text_is_replaced_by_the_wanted_pseudonym(key: int) -> None:
    ring = Pseudonyms(NEW, OLD)
    wanted = ring.all_of(PHONE)[key]
    text = "appel du 06 39 98 00 01, puis du 06.39.98.00.02"
    assert ring.written(text, {wanted}) == f"appel du {wanted}, puis du 06.39.98.00.02"
    assert ring.possible(text) >= {*ring.all_of(PHONE), *ring.all_of(OTHER)}


def test_checks_are_those_of_each_key_alone() -> None:
    ring = Pseudonyms(NEW, OLD)
    assert ring.checks == [Pseudonyms(NEW).check, Pseudonyms(OLD).check]
    older = ring.under(ring.checks[1])
    assert older is not None
    assert older.newest_of(PHONE) == ring.all_of(PHONE)[1]
    assert ring.under("another") is None

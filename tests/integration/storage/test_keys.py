"""The caller's own keys in the database, and what is left of them after an erasure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from sqlalchemy import select

from dispatcher import Recipient
from dispatcher.storage.tables import RECIPIENT
from tests.integration.bench import TEXT, Bench, people

ANNE, BRUNO, CHLOE = people(3, start=7001)
#: what COPY, SQL and CSV would trip over, and what looks like a number
ODD = ("\\N", "a\\b", 'j"o', "O'Neil", "Zoé 😀", "0639987009", "x" * 200, "A;B,C", "=1+1", "%")


def stored(bench: Bench) -> dict[str, str | None]:
    """Number -> key."""
    with bench.dispatcher.database.read() as session:
        rows = session.execute(select(RECIPIENT.c.phone, RECIPIENT.c.key))
        return {row.phone: row.key for row in rows}


def keyed(keys: Iterable[object]) -> list[dict[str, object]]:
    keys = list(keys)
    return [
        {"mobile": phone, "key": key, "prenom": "Zoé"}
        for phone, key in zip(people(len(keys), start=7001), keys, strict=True)
    ]


@pytest.mark.parametrize("at_hand", [False, True])
@pytest.mark.parametrize("words", [TEXT, "Bonjour {{ prenom }}"])
def test_keys_are_stored_as_they_were_given(bench: Bench, words: str, *, at_hand: bool) -> None:
    keys = [*ODD, None, 17]

    bench.dispatcher.submit("soldes", words, keyed(keys), at_hand=at_hand)

    assert list(stored(bench).values()) == [*ODD, None, "17"]


@pytest.mark.parametrize(("first", "again"), [(None, "A"), ("A", None), ("A", "B")])
def test_submission_with_other_keys_is_the_same_campaign(
    bench: Bench, first: Any, again: Any
) -> None:
    submit = bench.dispatcher.submit

    assert submit("soldes", TEXT, keyed([first])) == submit("soldes", TEXT, keyed([again]))

    assert stored(bench) == {ANNE: first}


def test_erased_person_has_no_key_and_others_keep_theirs(bench: Bench) -> None:
    bench.dispatcher.submit("soldes", TEXT, keyed(["A", "chez 06 39 98 70 01", "C"]))
    bench.work()
    bench.gateway.deliver()
    bench.pass_by(hours=1)
    assert bench.dispatcher.persons.show(ANNE)["messages"][0]["key"] == "A"

    bench.dispatcher.persons.erase(ANNE, reason="letter")

    (erased,) = stored(bench).keys() - {BRUNO, CHLOE}
    assert stored(bench) == {erased: None, BRUNO: f"chez {erased}", CHLOE: "C"}


def test_later_list_with_an_erased_person_stores_no_key(bench: Bench) -> None:
    bench.dispatcher.submit("soldes", TEXT, keyed(["A", "B"]))
    bench.dispatcher.persons.erase(ANNE, reason="letter")

    bench.dispatcher.submit("relance", "Encore un jour !", keyed(["A", "B"]))

    assert sorted(stored(bench).values(), key=str) == ["B", None]


def test_long_number_that_splits_batches_keeps_the_keys(bench: Bench) -> None:
    people = [Recipient(ANNE, key="A"), Recipient(BRUNO), Recipient(CHLOE, key=3)]

    bench.dispatcher.submit(
        "soldes", TEXT, people, from_number="+33639988888", commercial=False, reason="notice"
    )

    assert stored(bench) == {ANNE: "A", BRUNO: None, CHLOE: "3"}

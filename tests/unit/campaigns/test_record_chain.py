"""The chain of seals: what was altered or removed is named, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatcher.campaigns.record_chain import Entry, Seal, broken, chained

AT = datetime(2027, 3, 1, 9, tzinfo=UTC)
ENTRIES = [
    Entry(n, AT + timedelta(minutes=n), "marie", "shell on web-1", "pause", f"reason {n}", 7, None)
    for n in (1, 2, 4, 5)
]
SEALS = list(chained(ENTRIES, None))
HEAD = SEALS[-1]


def found(entries: list[Entry | None], seals: list[Seal] = SEALS, head: Seal | None = HEAD) -> str:
    return "; ".join(broken(zip(seals, entries, strict=True), head))


def test_untouched_record_is_sound() -> None:
    assert found([*ENTRIES]) == ""
    assert not [*broken([], None)]


def test_seals_that_are_added_later_follow_the_last_one() -> None:
    first = list(chained(ENTRIES[:2], None))
    assert [*first, *chained(ENTRIES[2:], first[-1])] == SEALS


@pytest.mark.parametrize(
    "change",
    [
        {"actor": "paul"},
        {"origin": ""},
        {"verb": "resume"},
        {"reason": ""},
        {"campaign_id": 8},
        {"campaign_id": None},
        {"batch_id": 3},
        {"at": AT},
    ],
)
def test_altered_entry_is_named_and_no_other(change: dict[str, object]) -> None:
    altered = replace(ENTRIES[1], **change)  # type: ignore[arg-type]
    sentence = found([ENTRIES[0], altered, *ENTRIES[2:]])
    assert sentence == (
        f"entry 2 ({altered.verb}, by {altered.actor}) or its seal was altered"
        " after it was sealed as number 2"
    )


def test_missing_entry_is_named() -> None:
    assert found([*ENTRIES[:2], None, ENTRIES[3]]) == (
        "entry 4 is missing: it was sealed as number 3"
    )


def test_missing_seal_is_named() -> None:
    sentence = found([*ENTRIES[:1], *ENTRIES[2:]], [SEALS[0], *SEALS[2:]])
    assert sentence.startswith("the seals 2 to 2 are missing")


def test_missing_end_is_named() -> None:
    assert found([*ENTRIES[:3]], SEALS[:3]) == (
        "the end is missing: the last seal was number 4, and is 3 now"
    )
    assert found([], []) == "the end is missing: the last seal was number 4, and is 0 now"


def test_entries_that_change_places_are_named() -> None:
    swapped = [ENTRIES[0], replace(ENTRIES[2], id=2), replace(ENTRIES[1], id=4), ENTRIES[3]]
    assert found([*swapped]).count("altered") == 2


@given(st.text(), st.text(), st.text())
def test_words_cannot_move_between_fields(actor: str, origin: str, verb: str) -> None:
    one = replace(ENTRIES[0], actor=actor, origin=origin, verb=verb)
    other = replace(ENTRIES[0], actor=actor + origin, origin="", verb=verb)
    (mine,), (its,) = chained([one], None), chained([other], None)
    assert (mine == its) == (one == other)


def test_time_zone_of_an_instant_does_not_matter() -> None:
    paris = replace(ENTRIES[0], at=ENTRIES[0].at.astimezone())
    assert list(chained([paris], None)) == [SEALS[0]]


def test_seal_that_was_written_down_is_looked_for() -> None:
    sealed = list(zip(SEALS, ENTRIES, strict=True))
    assert not [*broken(sealed, HEAD, Seal.of(str(SEALS[1])))]
    again = [replace(ENTRIES[0], actor="paul"), *ENTRIES[1:]]
    forged = list(chained(again, None))
    assert [*broken(zip(forged, again, strict=True), forged[-1], SEALS[1])] == [
        "the record does not hold seal 2 as it was written down"
    ]


def test_seal_that_another_process_adds_while_the_record_is_read_is_no_problem() -> None:
    sealed = list(zip(SEALS, ENTRIES, strict=True))
    assert not [*broken(sealed, SEALS[2])]


def test_chain_that_was_made_anew_without_its_end_is_named() -> None:
    forged = [*ENTRIES[:2], replace(ENTRIES[2], actor="mallory"), ENTRIES[3]]
    sealed = list(zip(chained(forged, None), forged, strict=True))
    assert [*broken(sealed, HEAD)] == ["the seal 4 is not the one that was added as the last"]

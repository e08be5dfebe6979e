from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatcher.errors import InvalidText
from dispatcher.texts import Call, arrival, checked, wire_text
from dispatcher.texts.segments import measure
from tests.unit.strategies import ANYTHING, TAGGY

GRIN = "\U0001f600"


def test_text_in_unicode_arrives_as_it_is_written() -> None:
    assert arrival("Ça va François [ici] ?").text == "Ça va FranÇois (ici) ?"
    assert arrival(f"Ça va François [ici] ? {GRIN}").text == f"Ça va François [ici] ? {GRIN}"


def test_call_with_a_text_in_unicode_bills_all_of_its_texts_so() -> None:
    call = Call.of([wire_text("x" * 100), wire_text(GRIN)], commercial=False)
    assert call.unicode
    assert call.segments(0) == [2, 1]


def test_call_adds_the_mention_unless_each_text_has_its_own() -> None:
    own, none = "Promo. STOP: 36 180", "Promo."
    assert Call.of([own, none], commercial=True).stop
    assert not Call.of([own, own], commercial=True).stop
    assert not Call.of([none], commercial=False).stop
    assert Call.of(["Promo. STOP", "36180 Promo."], commercial=True).stop


@given(ANYTHING | TAGGY, st.sampled_from([0, 11, 14]))
def test_text_in_a_call_of_its_own_is_billed_as_it_arrives(text: str, budget: int) -> None:
    alone = arrival(text, budget=budget)
    call = Call.of([alone.wire], commercial=True)
    assert (call.unicode, call.stop) == (alone.unicode, not alone.has_stop)
    assert call.segments(budget) == [alone.measure.segments]
    assert alone.unicode == (measure(alone.text).encoding == "UCS-2")


@pytest.mark.parametrize(("length", "refused"), [(1519, False), (1520, True)])
def test_text_too_long_with_the_mention_is_refused(length: int, refused: bool) -> None:
    if refused:
        with pytest.raises(InvalidText, match="11 segments with the STOP mention"):
            checked("a" * length, budget=11)
    else:
        assert checked("a" * length, budget=11).measure.segments == 10


def test_text_in_unicode_is_refused_where_nobody_can_send_it() -> None:
    with pytest.raises(InvalidText, match="needs Unicode, which this account does not send"):
        checked(GRIN, no_unicode="this account does not send")
    assert checked("Zoe\ufe0f", no_unicode="nobody sends").text == "Zoe"

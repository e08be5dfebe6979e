"""What each message has of the cost of its batch."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatcher import InvalidCampaign
from dispatcher.campaigns.results import STATES, shares, states_of

MESSAGES = st.lists(st.tuples(st.booleans(), st.none() | st.integers(0, 6)), min_size=1)


@given(MESSAGES, st.integers(0, 10**9))
def test_shares_add_up_to_the_cost(messages: list[tuple[bool, int | None]], units: int) -> None:
    charged, segments = zip(*messages, strict=True)
    cost = Decimal(units) / 10_000
    found = shares(cost, charged, segments)
    assert sum(found) == cost
    if any(charged):
        assert not any(one for one, has in zip(found, charged, strict=True) if not has)


def test_messages_share_by_segments_and_equally_where_one_is_unknown() -> None:
    cost, everybody = Decimal("0.16"), [True, True, False]
    by_segments = [Decimal("0.12"), Decimal("0.04"), Decimal(0)]
    assert shares(cost, everybody, [3, 1, 0]) == by_segments
    assert shares(cost, everybody, [3, None, 0]) == [Decimal("0.08"), Decimal("0.08"), Decimal(0)]


def test_unknown_state_is_refused_with_those_that_there_are() -> None:
    assert states_of([]) == frozenset(STATES)
    with pytest.raises(InvalidCampaign, match=r"no state 'deliverd': give some of in_doubt, "):
        states_of(["sent", "deliverd"])

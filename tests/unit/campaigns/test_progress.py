from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatcher.campaigns.causes import Surroundings
from dispatcher.campaigns.progress import Facts, Progress, Share, messages_of, progress_of
from dispatcher.campaigns.states import BatchState, CampaignState, MessageState
from dispatcher.window import Hold

NOW = datetime(2027, 1, 12, 10, 0, tzinfo=UTC)
LATER = NOW + timedelta(hours=22)

BATCHES = list(BatchState)
COUNTS = st.dictionaries(st.sampled_from(list(MessageState)), st.integers(0, 10**7))
CENTS = st.decimals(min_value=0, max_value=10**6, places=3)


def share(state: BatchState, *, cost: str = "0", **messages: int) -> Share:
    counts = {MessageState(name): count for name, count in messages.items()}
    return Share(state, 1, counts, Decimal(cost))


@st.composite
def shares(draw: st.DrawFn) -> list[Share]:
    states = draw(st.lists(st.sampled_from(BATCHES), unique=True))
    return [Share(state, draw(st.integers(1, 1000)), draw(COUNTS), draw(CENTS)) for state in states]


def facts(state: CampaignState = CampaignState.RUNNING, reason: str | None = None) -> Facts:
    return Facts(7, "soldes-2027", state, reason, rows=12, duplicates=2, unusable=1)


def seen(
    *parts: Share,
    state: CampaignState = CampaignState.RUNNING,
    reason: str | None = None,
    hold: Hold | None = None,
) -> Progress:
    return progress_of(facts(state, reason), parts, hold, Surroundings(NOW))


@given(shares())
@settings(max_examples=50)
def test_messages_of_a_campaign_are_the_sum_of_its_batches(parts: list[Share]) -> None:
    progress = seen(*parts)
    given_ = sum(count for part in parts for count in part.messages.values())
    assert progress.recipients == given_ == sum(progress.messages.values())
    assert sum(progress.batches.values()) == sum(part.batches for part in parts)
    assert progress.cost == sum((part.cost for part in parts), Decimal(0))


@given(shares())
@settings(max_examples=50)
def test_doubt_moves_messages_to_in_doubt_and_loses_none(parts: list[Share]) -> None:
    found = messages_of(parts)
    pending = sum(part.messages.get(MessageState.PENDING, 0) for part in parts)
    assert found["pending"] + found["in_doubt"] == pending
    for state in set(MessageState) - {MessageState.PENDING}:
        assert found[state.value] == sum(part.messages.get(state, 0) for part in parts)


def test_empty_campaign_counts_zero_of_every_state() -> None:
    progress = seen()
    assert list(progress.messages.values()) == [0] * 12
    assert set(progress.messages) == {
        "pending", "in_doubt", "sent", "delivered", "undelivered",
        "unreported", "rejected", "opted_out", "withdrawn", "left_out", "expired",
        "cancelled",
    }  # fmt: skip
    assert set(progress.batches) == {state.value for state in BatchState}
    assert progress.recipients == 0


def test_open_messages_of_a_batch_in_doubt_are_in_doubt() -> None:
    progress = seen(
        share(BatchState.IN_DOUBT, pending=3, sent=2, rejected=1),
        share(BatchState.PENDING, pending=5),
        share(BatchState.SENDING, pending=7),
    )
    assert progress.messages["in_doubt"] == 3
    assert progress.messages["pending"] == 12
    assert progress.messages["sent"] == 2
    assert progress.in_doubt == 1


def test_waiting_campaign_says_why_and_until_when() -> None:
    progress = seen(share(BatchState.PENDING, pending=1), hold=Hold(LATER, "after 20:00"))
    assert (progress.waits_until, progress.why) == (LATER, "after 20:00")


def test_past_hold_is_no_wait() -> None:
    progress = seen(share(BatchState.PENDING, pending=1), hold=Hold(NOW, "Sunday"))
    assert progress.waits_until is None


def test_paused_campaign_gives_the_reason_of_the_pause() -> None:
    progress = seen(
        share(BatchState.PENDING, pending=1),
        state=CampaignState.PAUSED,
        reason="no credit",
        hold=Hold(LATER, "Sunday"),
    )
    assert (progress.waits_until, progress.why) == (None, "paused: no credit")


def test_campaign_with_only_doubts_left_waits_for_them() -> None:
    assert "in doubt" in seen(share(BatchState.IN_DOUBT, pending=2)).why


@pytest.mark.parametrize("state", [CampaignState.FINISHED, CampaignState.CANCELLED])
def test_campaign_that_ended_waits_for_nothing(state: CampaignState) -> None:
    progress = seen(share(BatchState.DONE, delivered=1), state=state, hold=Hold(LATER, "Sunday"))
    assert (progress.waits_until, progress.why) == (None, "")


@pytest.mark.parametrize(
    ("state", "parts", "ended"),
    [
        pytest.param(
            CampaignState.FINISHED, [share(BatchState.DONE, delivered=3)], True, id="all delivered"
        ),
        pytest.param(
            CampaignState.CANCELLED,
            [share(BatchState.CANCELLED, cancelled=3)],
            True,
            id="cancelled",
        ),
        pytest.param(
            CampaignState.CANCELLED,
            [share(BatchState.CANCELLED, cancelled=3), share(BatchState.SENT, sent=1)],
            False,
            id="cancelled, one still on its way",
        ),
        pytest.param(
            CampaignState.CANCELLED,
            [share(BatchState.SENDING, pending=1)],
            False,
            id="cancelled, a request still out",
        ),
        pytest.param(
            CampaignState.CANCELLED,
            [share(BatchState.IN_DOUBT, pending=1)],
            False,
            id="cancelled, in doubt",
        ),
        pytest.param(
            CampaignState.RUNNING, [share(BatchState.DONE, delivered=3)], False, id="running"
        ),
    ],
)
def test_campaign_ends_when_nothing_is_left_to_happen(
    state: CampaignState, parts: list[Share], ended: bool
) -> None:
    assert seen(*parts, state=state).ended is ended


def test_json_has_the_documented_fields() -> None:
    progress = seen(
        share(BatchState.PENDING, pending=1), share(BatchState.DONE, delivered=2, cost="0.076"),
        hold=Hold(LATER, "Sunday"),
    )  # fmt: skip
    read = json.loads(json.dumps(progress.as_json()))
    assert {
        "id", "reference", "state", "recipients", "messages",
        "in_doubt", "waits_until", "why", "cost",
    } <= set(read)  # fmt: skip
    assert read["state"] == "running"
    assert read["recipients"] == sum(read["messages"].values()) == 3
    assert datetime.fromisoformat(read["waits_until"]) == LATER
    assert read["cost"] == "0.076"
    assert (read["rows"], read["duplicates"], read["unusable"]) == (12, 2, 1)


def test_json_without_a_wait_has_null() -> None:
    assert json.loads(json.dumps(seen().as_json()))["waits_until"] is None

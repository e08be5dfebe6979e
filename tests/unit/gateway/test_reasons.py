"""Why a message is in its state, in words."""

from __future__ import annotations

import pytest

from dispatcher.campaigns.caps import WEEKLY_CODE
from dispatcher.campaigns.results import STATES
from dispatcher.campaigns.states import BatchState
from dispatcher.gateway.codes import BLOCKED, CLOSED, REFUSED
from dispatcher.gateway.reasons import reason_of, said


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("batch", BatchState)
def test_every_state_but_delivered_has_a_reason(state: str, batch: BatchState) -> None:
    assert bool(reason_of(state, batch, "", None)) == (state != "delivered")


@pytest.mark.parametrize("code", [*BLOCKED, *CLOSED, *REFUSED, WEEKLY_CODE])
def test_known_code_is_said_in_words(code: int) -> None:
    assert not any(sign.isdigit() for sign in said(code)) or code in (42, 48, 50, 52)


def test_unknown_code_is_shown() -> None:
    assert said(4711) == "the gateway refused it with code 4711"


@pytest.mark.parametrize(
    ("state", "batch", "why", "code", "reason"),
    [
        ("rejected", "done", "", 14, "the number is on the gateway's STOP list"),
        ("rejected", "done", "", WEEKLY_CODE, "it had as many messages as a week allows"),
        ("rejected", "failed", "the text exceeds 160 characters", None,
         "the text exceeds 160 characters"),
        ("rejected", "failed", "", 0, "the gateway refused it"),
        ("pending", "pending", "Sunday", None, "it waits: Sunday"),
        ("pending", "handed_over", "", None, "the gateway holds it until its hour"),
        ("in_doubt", "in_doubt", "the connection was cut", None,
         "it may have left or not: the connection was cut"),
        ("unreported", "failed", "", None, "a person gave up the doubt whether it left"),
        ("unreported", "done", "", None, "no delivery report came in time"),
        ("pending", "pending", "asked by 06 39 98 00 01", None, "it waits: asked by 06••••••01"),
    ],
)  # fmt: skip
def test_reason_is_that_of_message_code_or_batch(
    state: str, batch: str, why: str, code: int | None, reason: str
) -> None:
    assert reason_of(state, batch, why, code) == reason

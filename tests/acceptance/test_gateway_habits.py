"""Whole campaigns, by hand, against a gateway of each habit that its documentation leaves open."""

from __future__ import annotations

from typing import Any

import pytest

from tests.acceptance.installation import people
from tests.acceptance.workerless import OpenWorkerless
from tests.habits import HABITS

BULK = "/v1/bulk-send"
under_each_habit = pytest.mark.parametrize(
    "habit", [pytest.param(habit, id=name) for name, habit in HABITS.items()]
)


@under_each_habit
def test_everybody_is_texted_once_and_reported(
    workerless: OpenWorkerless, habit: dict[str, Any]
) -> None:
    site = workerless(switches=habit | {"fates": {"02": "Not delivered"}})
    site.submit("soldes", people(5))
    site.work_to_the_end()
    assert site.said() == {"delivered": 4, "undelivered": 1}
    assert site.outcomes() == ["sent"]
    site.check()


@under_each_habit
def test_a_lost_answer_is_settled_by_its_tag(
    workerless: OpenWorkerless, habit: dict[str, Any]
) -> None:
    site = workerless(switches=habit)
    site.gateway.fault("close_after_read", BULK, processed=True)
    site.submit("soldes", people(5))
    site.work()
    assert site.said() == {"in_doubt": 5}
    site.work_to_the_end()
    assert site.said() == {"delivered": 5}
    assert site.sends() == 1
    site.check()


@under_each_habit
def test_an_empty_account_pauses_and_fails_nobody(
    workerless: OpenWorkerless, habit: dict[str, Any]
) -> None:
    site = workerless(switches=habit | {"credit": "0.01"})
    site.submit("soldes", people(5))
    site.work()
    assert (site.progress("soldes").state, site.said()) == ("paused", {"pending": 5})
    site.gateway.configure(credit="100")
    site.dispatcher.resume("soldes")
    site.work_to_the_end()
    assert site.said() == {"delivered": 5}
    site.check()

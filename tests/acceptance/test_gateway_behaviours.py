"""Whole campaigns without workers, with each behaviour that the documentation leaves open."""

from __future__ import annotations

from typing import Any

import pytest

from tests.acceptance.installation import people
from tests.acceptance.workerless import OpenWorkerless
from tests.behaviours import BEHAVIOURS

BULK = "/v1/bulk-send"
under_each_behaviour = pytest.mark.parametrize(
    "behaviour", [pytest.param(behaviour, id=name) for name, behaviour in BEHAVIOURS.items()]
)


@under_each_behaviour
def test_everybody_is_texted_once_and_reported(
    workerless: OpenWorkerless, behaviour: dict[str, Any]
) -> None:
    site = workerless(switches=behaviour | {"fates": {"02": "Not delivered"}})
    site.submit("soldes", people(5))
    site.work_to_the_end()
    assert site.messages() == {"delivered": 4, "undelivered": 1}
    assert site.outcomes() == ["sent"]
    site.check()


@under_each_behaviour
def test_lost_answer_is_settled_by_its_tag(
    workerless: OpenWorkerless, behaviour: dict[str, Any]
) -> None:
    site = workerless(switches=behaviour)
    site.gateway.fault("close_after_read", BULK, processed=True)
    site.submit("soldes", people(5))
    site.work()
    assert site.messages() == {"in_doubt": 5}
    site.work_to_the_end()
    assert site.messages() == {"delivered": 5}
    assert site.sends() == 1
    site.check()


@under_each_behaviour
def test_empty_account_pauses_the_campaign_and_fails_nobody(
    workerless: OpenWorkerless, behaviour: dict[str, Any]
) -> None:
    site = workerless(switches=behaviour | {"credit": "0.01"})
    site.submit("soldes", people(5))
    site.work()
    assert (site.progress("soldes").state, site.messages()) == ("paused", {"pending": 5})
    site.gateway.configure(credit="100")
    site.dispatcher.resume("soldes")
    site.work_to_the_end()
    assert site.messages() == {"delivered": 5}
    site.check()

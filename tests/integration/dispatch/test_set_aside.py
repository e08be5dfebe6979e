"""A batch that fails by an unforeseen error waits, and starves no other; on both databases."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from dispatcher.campaigns.set_aside import MOST_ERRORS
from dispatcher.errors import InvalidPhone
from dispatcher.gateway import SendOptions
from tests.integration.bench import Bench, people

#: what is wrong where no setting names a broker
NO_RUN = (
    "dispatcher run does not run with this database; start dispatcher run, or name its broker in"
    " DISPATCHER_BROKER_URL"
)


@pytest.fixture
def poisoned(bench: Bench) -> Bench:
    """A bench whose first number cannot be put into a request."""
    request = bench.gateway.request

    def refuse(phones: Sequence[str], texts: Sequence[str], options: SendOptions) -> bytes:
        if people(1)[0] in phones:
            raise InvalidPhone("not_a_number")
        return request(phones, texts, options)

    bench.gateway.request = refuse  # type: ignore[method-assign]
    return bench


def fail(bench: Bench, times: int) -> None:
    for _ in range(times):
        bench.pass_by(minutes=1)


def test_unforeseen_error_backs_off_and_is_named_on_the_batch(poisoned: Bench) -> None:
    batch = poisoned.submit(3, priority="high")
    poisoned.submit(3, "other", start=10)
    poisoned.work()
    assert poisoned.messages() == {"pending": 3}
    assert poisoned.messages("other") == {"sent": 3}
    row = poisoned.batch(batch)
    assert row.why.startswith("an unforeseen error: InvalidPhone in test_set_aside.py:")
    assert row.not_before > poisoned.clock()
    assert list(poisoned.tick().send) == []
    assert poisoned.progress().why == row.why


def test_batch_that_fails_again_and_again_is_set_aside_for_a_person(poisoned: Bench) -> None:
    batch = poisoned.submit(700)
    fail(poisoned, MOST_ERRORS + 2)
    row = poisoned.batch(batch)
    assert row.why.startswith("set aside after 5 unforeseen errors: InvalidPhone in ")
    assert poisoned.messages() == {"pending": 500, "sent": 200}
    progress = poisoned.progress()
    assert (progress.state, progress.waits_until, progress.why) == ("running", None, row.why)
    assert poisoned.dispatcher.batch(batch).waits_until is None


def test_batch_that_is_set_aside_is_tried_again_by_a_resume(poisoned: Bench) -> None:
    poisoned.submit(3)
    fail(poisoned, MOST_ERRORS)
    del poisoned.gateway.request
    poisoned.dispatcher.resume("soldes", reason="corrected")
    poisoned.work()
    assert poisoned.messages() == {"sent": 3}
    (action,) = poisoned.actions("resume")
    assert action.reason == "corrected; 1 batch that was set aside is tried again"


def test_batch_that_is_set_aside_is_cancelled_with_its_campaign(poisoned: Bench) -> None:
    poisoned.submit(3)
    fail(poisoned, MOST_ERRORS)
    poisoned.dispatcher.cancel("soldes")
    assert poisoned.messages() == {"cancelled": 3}


def test_due_campaign_says_since_when_no_worker_has_looked(bench: Bench) -> None:
    bench.tick()
    bench.submit()
    assert bench.progress().why == ""
    bench.clock.forward(hours=5)
    assert bench.progress().why == f"no worker has looked since 2026-11-24 09:00 UTC: {NO_RUN}"
    bench.work()
    assert bench.progress().why == ""


def test_due_campaign_says_that_no_worker_has_ever_looked(bench: Bench) -> None:
    bench.submit()
    bench.clock.forward(minutes=2)
    assert bench.progress().why == f"no worker has ever looked: {NO_RUN}"


def test_campaign_that_waits_for_its_reports_says_that_no_worker_looks(bench: Bench) -> None:
    bench.submit()
    bench.work()
    bench.clock.forward(hours=1)
    assert bench.progress().why == f"no worker has looked since 2026-11-24 09:00 UTC: {NO_RUN}"

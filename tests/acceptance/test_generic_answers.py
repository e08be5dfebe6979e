"""Row 57: every call is answered with a success that names nothing, and nothing is done."""

from __future__ import annotations

from datetime import timedelta

import pytest

from dispatcher import GatewayError
from dispatcher.monitoring.doctor import examine
from tests.acceptance.installation import OPEN, people
from tests.acceptance.workerless import OpenWorkerless, Workerless

HOUR = OPEN + timedelta(hours=2)
STOPPED, OURS = people(2, 9000)
WHY = "asked in writing to be texted again"


def minute(site: Workerless) -> None:
    """Let a minute pass, and do all that is due."""
    site.forward(minutes=1)
    site.dispatcher.steps.sync_opt_outs()
    site.dispatcher.check_credit()
    site.work()


def test_generic_answers_for_minutes_change_nothing_for_the_worse(
    workerless: OpenWorkerless,
) -> None:
    site = workerless(
        credit_check="pause",
        stop_list_every=60,
        stop_list_push=True,
        switches={"delivery_seconds": [300, 300]},
    )
    dispatcher = site.dispatcher
    site.submit("held", people(3), not_before=HOUR, hand_over=True)
    site.submit("sent", people(3, 10))
    minute(site)
    site.gateway.fault("reset_after_read", "/v1/bulk-send")
    site.submit("doubt", people(3, 20))
    minute(site)
    held, sent, doubt = site.batches()
    assert (held.state, sent.state, doubt.state) == ("handed_over", "sent", "in_doubt")
    read_at = dispatcher.stop_list_age()

    site.gateway.configure(generic_acknowledgement=True, stopped=[STOPPED])
    dispatcher.cancel("held")
    site.submit("new", people(3, 30))
    dispatcher.opt_outs.add([OURS])
    for _ in range(10):
        minute(site)
    assert [batch.state for batch in site.batches()] == [
        "handed_over", "sent", "in_doubt", "pending",
    ]  # fmt: skip
    assert site.messages("sent") == {"sent": 3}
    assert dispatcher.stop_list_age() == read_at
    assert STOPPED not in dispatcher.opt_outs
    with pytest.raises(GatewayError):
        dispatcher.opt_outs.remove(OURS, reason=WHY, at_gateway=True)
    assert OURS in dispatcher.opt_outs
    with pytest.raises(GatewayError):
        dispatcher.resend(doubt.id, reason="they did not get it")
    (gateway,) = examine(dispatcher, ["gateway"])
    assert not gateway.ok
    assert "but not what was asked" in gateway.says
    assert dispatcher.call_counts.counts().unusable > 20

    site.gateway.configure(generic_acknowledgement=False)
    for _ in range(90):
        minute(site)
    assert site.messages("held") == {"cancelled": 3}
    for reference in ("sent", "doubt", "new"):
        assert site.messages(reference) == {"delivered": 3}
    assert STOPPED in dispatcher.opt_outs
    assert dispatcher.opt_outs.remove(OURS, reason=WHY, at_gateway=True)
    assert set(site.gateway.texted().values()) == {1}
    assert not set(people(3)) & set(site.gateway.texted())


def test_generic_answers_to_sends_leave_doubts_that_a_person_ends(
    workerless: OpenWorkerless,
) -> None:
    """The balance is not checked, so that batches leave; the answer to each proves nothing."""
    site = workerless(credit_check="off", stop_list_every=60, doubt_limit=2)
    dispatcher = site.dispatcher
    site.gateway.configure(generic_acknowledgement=True)
    for number in range(4):
        site.submit(f"campaign {number}", people(3, 10 * number))
    for _ in range(5):
        minute(site)
    states = sorted(batch.state for batch in site.batches())
    assert states == ["in_doubt", "in_doubt", "pending", "pending"]
    assert site.sends() == 2
    resent, given_up = (doubt.batch_id for doubt in dispatcher.doubts())
    with pytest.raises(GatewayError):  # nobody can tell whether it was taken
        dispatcher.resend(resent, reason=WHY)

    dispatcher.give_up(given_up, reason=WHY)  # a way out at any time
    site.gateway.configure(generic_acknowledgement=False)
    for _ in range(10):
        minute(site)
    dispatcher.resend(resent, reason=WHY)
    for _ in range(20):
        minute(site)
    site.check()
    counts = [site.messages(f"campaign {number}") for number in range(4)]
    assert sorted(counts, key=str) == [{"delivered": 3}] * 3 + [{"unreported": 3}]
    assert set(site.gateway.texted().values()) == {1}

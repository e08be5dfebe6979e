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

"""Campaigns that the gateway holds until their hour: nothing of ours runs then.

With real workers, whose clock is set by starting others; by hand where what varies is the
gateway's manner.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from dispatcher.storage.tables import Batch
from tests.acceptance.installation import OPEN, Installation, people
from tests.acceptance.workerless import OpenWorkerless

#: two hours after ``OPEN``, at which a site begins
HOUR = OPEN + timedelta(hours=2)


def set_clock(site: Installation, at: datetime) -> dict[str, str]:
    """Have the gateway live at ``at``; the environment of processes that do."""
    offset = (at - datetime.now(UTC)).total_seconds()
    site.gateway.set_clock(offset)
    return {"DISPATCHER_CLOCK_OFFSET": str(offset)}


def handed_over(site: Installation, count: int = 501) -> None:
    """Submit, have workers hand it over, and stop them."""
    worker, beat = site.worker("before"), site.beat("before-beat")
    site.submit("soldes", people(count), not_before=HOUR, hand_over=True)
    site.wait(
        lambda: all(batch.state == "handed_over" for batch in site.batches()), "the hand-over"
    )
    assert site.progress("soldes").messages["pending"] == count
    worker.stop()
    beat.stop()


def start_at(site: Installation, at: datetime) -> None:
    clock = set_clock(site, at)
    site.worker("after", **clock)
    site.start("after-beat", "celery", "-A", "workers", "beat", "-l", "INFO", **clock)


def test_it_leaves_at_its_hour_with_nothing_running_here(tmp_path: Path, database_url: str) -> None:
    with Installation(tmp_path, database_url) as site:
        handed_over(site)
        entries = site.gateway.entries()
        assert {entry.leaves_at for entry in entries} == {HOUR}
        start_at(site, HOUR + timedelta(minutes=1))
        assert site.wait_finished("soldes").messages["delivered"] == 501
        assert site.outcomes() == ["sent", "sent"]
        site.check()


def test_a_cancelled_campaign_is_had_back_and_nobody_is_texted(
    tmp_path: Path, database_url: str
) -> None:
    with Installation(tmp_path, database_url) as site:
        handed_over(site)
        start_at(site, HOUR - timedelta(minutes=6))
        site.gateway.hold("/v1/message-cancel")  # a quick one has answered before it is printed
        said = site.command("cancel", "soldes", "--yes")
        site.gateway.clear_faults()
        site.gateway.release()
        assert said.returncode == 0, said.stderr
        assert "2 batches asked back from the gateway" in said.stdout
        site.wait(lambda: site.progress("soldes").ended, "the gateway to give it back")
        assert site.progress("soldes").messages["cancelled"] == 501
        assert site.outcomes() == ["recalled", "recalled"]
        assert not site.gateway.texted()


def test_in_the_last_five_minutes_it_leaves_all_the_same(tmp_path: Path, database_url: str) -> None:
    with Installation(tmp_path, database_url) as site:
        handed_over(site)
        site.dispatcher.cancel("soldes")  # and nobody works until
        start_at(site, HOUR - timedelta(minutes=3))
        site.wait(lambda: site.progress("soldes").messages["sent"] == 501, "the gateway's refusals")
        late = site.dispatcher.actions("soldes")[0].reason
        assert "too late: it leaves" in late
        assert len(site.gateway.texted()) == 501


def test_a_worker_killed_while_it_cancels_leaves_it_to_another(
    tmp_path: Path, sqlite_url: str
) -> None:
    with Installation(tmp_path, sqlite_url) as site:
        site.ticks()
        lost = site.worker("lost")
        site.submit("soldes", people(3), not_before=HOUR, hand_over=True)
        site.wait_for("handed_over")
        site.gateway.hold("/v1/message-cancel", processed=True)
        site.dispatcher.cancel("soldes")
        site.wait_held()
        lost.kill()
        site.gateway.clear_faults()
        site.gateway.release()
        assert site.batch().state == "handed_over"  # the gateway has cancelled it: who knows?
        # the moment when the lease of the question is over, without the wait for it
        with site.dispatcher.database.write() as session:
            session.execute(update(Batch).values(check_at=site.dispatcher.clock()))
        site.worker("another")
        site.wait_for("cancelled")
        assert not site.gateway.texted()
        assert len(site.gateway.requests("/v1/message-cancel")) == 2


def test_who_says_stop_meanwhile_is_not_texted(tmp_path: Path, database_url: str) -> None:
    with Installation(tmp_path, database_url) as site:
        site.worker()
        site.beat()
        site.submit("soldes", people(600), not_before=HOUR, hand_over=True)
        site.wait(lambda: site.progress("soldes").batches["handed_over"] == 2, "the hand-over")
        site.dispatcher.opt_out(people(1)[0])
        site.wait(lambda: sorted(map(str, site.outcomes())) == ["recalled", "sent", "sent"],
                  "another hand-over")  # fmt: skip
        assert site.progress("soldes").messages["opted_out"] == 1
        texted = site.gateway.texted()
        assert people(1)[0] not in texted
        assert (len(texted), set(texted.values())) == (599, {1})


@pytest.mark.parametrize(
    "switches",
    [
        {},
        {"bulk_tells_schedule": True},
        {"message_id_type": "str"},
        {"http_status_mode": "200", "error_key": "error"},
        {"cancel_refunds": True},
        {"marketing_window": "refuse"},
        {"tag_missing": True, "status_case": "lower", "reorder_lines": True},
    ],
    ids=lambda switches: "-".join(switches) or "usual",
)
@pytest.mark.parametrize("single_send", [False, True])
def test_whatever_its_manner_the_gateway_holds_it_and_gives_it_back(
    workerless: OpenWorkerless, switches: dict[str, Any], single_send: bool
) -> None:
    site = workerless(switches=switches, single_send=single_send)
    site.submit("soldes", people(3), not_before=HOUR, hand_over=True)
    site.work()
    assert site.batch().state == "handed_over", site.batch().why
    site.dispatcher.pause("soldes")
    site.work()
    assert site.batch().state == "pending"
    assert not site.gateway.texted()
    site.dispatcher.resume("soldes")
    site.work()
    assert site.batch().state == "handed_over"
    site.forward_to(HOUR)
    site.work()
    assert site.said() == {"sent": 3}
    site.work_to_the_end()
    assert site.said() == {"delivered": 3}
    assert site.outcomes() == ["recalled", "sent"]
    site.check()


def test_a_lost_answer_to_a_cancellation_is_asked_for_again(workerless: OpenWorkerless) -> None:
    site = workerless()
    site.submit("soldes", people(3), not_before=HOUR, hand_over=True)
    site.work()
    site.gateway.fault("close_after_read", "/v1/message-cancel")
    site.dispatcher.cancel("soldes")
    site.work()
    assert site.batch().state == "handed_over"
    site.pass_by(minutes=10)
    assert site.said() == {"cancelled": 3}
    assert not site.gateway.texted()

"""Campaigns that the gateway holds until their hour, while nothing of ours has to run.

Three of them share a site: workers hand them over and end, and other workers start later. Without
workers where only the gateway's behaviour varies.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from dispatcher.storage.tables import Batch
from tests.acceptance.installation import OPEN, Installation, people
from tests.acceptance.workerless import OpenWorkerless

#: two hours after ``OPEN``, at which a site starts
HOUR = OPEN + timedelta(hours=2)
#: when the workers of the second half start
LATER = HOUR + timedelta(minutes=1)
#: when each campaign leaves: it has left, it can be cancelled, or it is too late to cancel it
HOURS = {
    "left": HOUR,
    "early": HOUR + timedelta(minutes=15),
    "late": HOUR + timedelta(minutes=5),
}


@pytest.fixture(scope="module")
def crew(
    module_database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    """A site at ``LATER``: three campaigns were handed over, and one of them was cancelled."""
    with Installation(tmp_path_factory.mktemp("crew"), module_database_url) as site:
        worker, beat = site.worker("before"), site.beat("before-beat")
        for start, (reference, hour) in enumerate(HOURS.items()):
            site.submit(reference, people(501, 1000 * start), not_before=hour, hand_over=True)
        site.wait(
            lambda: all(batch.state == "handed_over" for batch in site.batches()), "the hand-over"
        )
        for reference in HOURS:
            assert site.progress(reference).messages["pending"] == 501
        worker.stop()
        beat.stop()
        site.dispatcher.cancel("late")  # and no worker runs until it is too late
        offset = str((LATER - datetime.now(UTC)).total_seconds())
        site.gateway.set_clock(float(offset))
        site.worker("after", DISPATCHER_CLOCK_OFFSET=offset)
        beat_of_later = ("celery", "-A", "workers", "beat", "-l", "INFO")
        site.start("after-beat", *beat_of_later, DISPATCHER_CLOCK_OFFSET=offset)
        yield site


def outcomes(site: Installation, reference: str) -> list[str | None]:
    campaign = site.progress(reference).id
    batches = {batch.id for batch in site.batches() if batch.campaign_id == campaign}
    return [attempt.outcome for attempt in site.attempts() if attempt.batch_id in batches]


def texted(site: Installation, start: int) -> list[int]:
    """How often each of the 501 people from ``start`` was texted, of those that were."""
    counts = site.gateway.texted()
    return [counts[phone] for phone in people(501, start) if phone in counts]


def test_handed_over_campaign_leaves_at_its_hour(crew: Installation) -> None:
    entries = [entry for entry in crew.gateway.entries() if entry.leaves_at == HOURS["left"]]
    assert {sms.phone for entry in entries for sms in entry.texts} == set(people(501))
    assert len(entries) == 2
    assert crew.wait_finished("left").messages["delivered"] == 501
    assert outcomes(crew, "left") == ["sent", "sent"]
    assert texted(crew, 0) == [1] * 501
    crew.check("left")


def test_cancelled_campaign_is_recalled_and_texts_nobody(crew: Installation) -> None:
    crew.gateway.hold("/v1/message-cancel")  # a quick gateway answers before the command prints
    done = crew.command("cancel", "early", "--yes")
    crew.gateway.clear_faults()
    crew.gateway.release()
    assert done.returncode == 0, done.stderr
    assert "2 batches asked back from the gateway" in done.stdout
    crew.wait(lambda: crew.progress("early").ended, "the gateway to give it back")
    assert crew.progress("early").messages["cancelled"] == 501
    assert outcomes(crew, "early") == ["recalled", "recalled"]
    assert texted(crew, 1000) == []


def test_campaign_cancelled_in_the_last_five_minutes_leaves(crew: Installation) -> None:
    def all_leave() -> bool:
        messages = crew.progress("late").messages
        return messages["sent"] + messages["delivered"] == 501

    crew.wait(all_leave, "the gateway to refuse")
    assert "too late: it leaves" in crew.dispatcher.actions("late")[0].reason
    assert texted(crew, 2000) == [1] * 501


def test_worker_killed_while_it_recalls_leaves_the_recall_to_another(
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
        assert site.batch().state == "handed_over"  # the gateway has cancelled it, unknown to us
        # have the lease of the recall end now, instead of waiting for it
        with site.dispatcher.database.write() as session:
            session.execute(update(Batch).values(check_at=site.dispatcher.clock()))
        site.worker("another")
        site.wait_for("cancelled")
        assert not site.gateway.texted()
        assert len(site.gateway.requests("/v1/message-cancel")) == 2


def test_recipient_who_opts_out_after_the_hand_over_is_not_texted(
    tmp_path: Path, database_url: str
) -> None:
    with Installation(tmp_path, database_url) as site:
        site.worker()
        site.beat()
        site.submit("soldes", people(600), not_before=HOUR, hand_over=True)
        site.wait(lambda: site.progress("soldes").batches["handed_over"] == 2, "the hand-over")
        site.dispatcher.opt_out(people(1)[0])
        site.wait(
            lambda: sorted(map(str, site.outcomes())) == ["recalled", "sent", "sent"],
            "another hand-over",
        )
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
def test_gateway_of_any_behaviour_holds_a_campaign_and_gives_it_back(
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
    assert site.messages() == {"sent": 3}
    site.work_to_the_end()
    assert site.messages() == {"delivered": 3}
    assert site.outcomes() == ["recalled", "sent"]
    site.check()


def test_lost_answer_to_a_recall_is_asked_for_again(workerless: OpenWorkerless) -> None:
    site = workerless()
    site.submit("soldes", people(3), not_before=HOUR, hand_over=True)
    site.work()
    site.gateway.fault("close_after_read", "/v1/message-cancel")
    site.dispatcher.cancel("soldes")
    site.work()
    assert site.batch().state == "handed_over"
    site.pass_by(minutes=10)
    assert site.messages() == {"cancelled": 3}
    assert not site.gateway.texted()

"""Rows 44 to 46 of the fault matrix: clocks that are wrong, jump or reach the closing hour.

Without workers (see ``workerless.py``), with a gateway that refuses what comes outside the hours by
its own clock; the hint that waits over the closing hour waits in a real Redis for a real worker.
SQLite, except where the clock of the database is compared: only PostgreSQL has one.
"""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from dispatcher import Dispatcher
from dispatcher.dispatch.sending.attempt import Attempts
from dispatcher.settings.clock import shifted
from tests.acceptance.installation import Installation, people
from tests.acceptance.workerless import OpenWorkerless
from tests.integration.gateway.rawserver import Peer, RawServer

PARIS = ZoneInfo("Europe/Paris")
REFUSES = {"marketing_window": "refuse"}
#: 62 seconds before closing, two before the guard of a minute
CLOSING = datetime(2026, 11, 24, 19, 58, 58, tzinfo=PARIS)
NEXT_MORNING = datetime(2026, 11, 25, 8, tzinfo=PARIS)


# -- row 44: clocks that are wrong -------------------------------------------------------------


@pytest.mark.parametrize("hours", [-2, 2])
def test_worker_whose_clock_differs_from_the_databases_sends_nothing(
    tmp_path: Path, fresh_postgres_url: str, hours: int, caplog: pytest.LogCaptureFixture
) -> None:
    with Installation(tmp_path, fresh_postgres_url) as site:
        offset = site.settings.clock_offset
        site.submit("soldes", people(3))
        wrong = Dispatcher(site.settings, clock=shifted(offset + hours * 3600))
        batch = site.batch().id
        assert wrong.steps.send_batch(batch) == 0
        wrong.database.close()
        assert not site.outcomes()
        if hours > 0:  # to a clock that is behind, the batch is not due yet
            assert "this clock and the database's differ by" in caplog.text
        assert site.dispatcher.steps.send_batch(batch) == 1
        assert site.batch().state == "sent"
        site.check()


@pytest.mark.parametrize("hours", [-2, 2])
def test_clock_that_jumps_between_arming_and_sending_stops_the_send(
    workerless: OpenWorkerless, monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    """A suspended machine wakes up: its wall clock has jumped, its monotonic one may not have."""
    site = workerless()
    jumps = iter([hours])
    deliver = Attempts._deliver

    def jumping(attempts: Attempts, claimed: object) -> object:
        site.forward(hours=next(jumps, 0))
        return deliver(attempts, claimed)  # type: ignore[arg-type]

    monkeypatch.setattr(Attempts, "_deliver", jumping)
    site.submit("soldes", people(3))
    site.work()
    if hours < 0:  # by this clock its hour is yet to come
        site.forward(hours=-hours)
    site.work_to_the_end()
    assert site.outcomes() == ["not_sent", "sent"]
    assert site.messages() == {"delivered": 3}
    site.check()


def test_clock_that_jumps_while_an_answer_is_awaited_changes_nothing(
    workerless: OpenWorkerless,
) -> None:
    site = workerless()
    site.gateway.hold(processed=True)
    site.submit("soldes", people(3))
    sending = threading.Thread(target=site.work)
    sending.start()
    site.wait_held()
    site.forward(hours=2)
    site.gateway.release()
    sending.join()
    assert site.outcomes() == ["sent"]
    site.work_to_the_end()
    assert site.messages() == {"delivered": 3}
    site.check()


# -- row 45: days on which the clock changes, holidays, the longest wait -----------------------


@pytest.mark.parametrize(
    ("submitted", "opening", "why"),
    [
        # the night of the change to winter time: 36 hours later it is 07:30 only
        pytest.param("2026-10-24 20:30", "2026-10-26 08:00", "Sunday", id="winter-2026"),
        # to summer time, and Easter Monday after it
        pytest.param(
            "2027-03-27 20:30", "2027-03-30 08:00", "Sunday, Easter Monday", id="summer-2027"
        ),
        pytest.param(
            "2027-10-30 20:30", "2027-11-02 08:00", "Sunday, All Saints' Day", id="winter-2027"
        ),
        pytest.param("2026-12-31 20:30", "2027-01-02 08:00", "New Year's Day", id="new-year"),
        # 60 hours: Saturday's closing to Tuesday's opening
        pytest.param(
            "2027-05-15 20:00", "2027-05-18 08:00", "Sunday, Pentecost Monday", id="60-hours"
        ),
    ],
)
def test_campaign_submitted_in_a_closed_window_leaves_at_its_opening(
    workerless: OpenWorkerless, submitted: str, opening: str, why: str
) -> None:
    opens = datetime.fromisoformat(opening).replace(tzinfo=PARIS).astimezone(UTC)
    at = datetime.fromisoformat(submitted).replace(tzinfo=PARIS).astimezone(UTC)
    site = workerless(at=at, switches=REFUSES)
    site.submit("soldes", people(3))
    progress = site.progress("soldes")
    assert (progress.waits_until, progress.why) == (opens, why)
    while site.clock() < opens - timedelta(hours=7):
        site.pass_by(hours=6)
    site.forward_to(opens - timedelta(minutes=2))
    site.work()
    # an early or forged hint
    assert site.dispatcher.steps.send_batch(site.batch().id) == 0
    assert site.sends() == 0
    site.forward_to(opens)
    site.work_to_the_end()
    [entry] = site.taken()
    assert entry.at >= opens
    assert site.outcomes() == ["sent"]
    site.check()


# -- row 46: over the closing hour -------------------------------------------------------------


def test_hint_read_after_the_closing_hour_sends_nothing(tmp_path: Path, sqlite_url: str) -> None:
    with Installation(tmp_path, sqlite_url, at=CLOSING - timedelta(minutes=5)) as site:
        site.submit("soldes", people(3))
        due = site.dispatcher.tick()
        assert due.send == [site.batch().id]
        assert site.queued() >= 1
        late = site.settings.clock_offset + 303  # one second into the guard, at the earliest
        site.worker("late", DISPATCHER_CLOCK_OFFSET=str(late))
        site.wait(lambda: site.batch().why, "the worker to find the window closed")
        assert (site.batch().not_before, site.batch().why) == (NEXT_MORNING, "after 20:00")
        site.wait(lambda: site.queued() == 0, "the worker to read every hint")
        assert (site.outcomes(), site.gateway.requests("/v1/bulk-send")) == ([], [])
        site.check()


@pytest.mark.parametrize(
    ("seconds", "sent"),
    [
        pytest.param(-10, True, id="before-the-guard"),
        pytest.param(2.5, False, id="in-the-guard"),
        pytest.param(61, False, id="the-last-second"),
        pytest.param(180, False, id="three-minutes-later"),
    ],
)
def test_connection_that_opens_after_closing_sends_nothing(
    workerless: OpenWorkerless, monkeypatch: pytest.MonkeyPatch, seconds: float, *, sent: bool
) -> None:
    site = workerless(at=CLOSING - timedelta(seconds=20), switches=REFUSES)
    site.stop_clock()
    connect = site.dispatcher.gateway.connect

    def slowly() -> None:
        site.forward_to(CLOSING + timedelta(seconds=seconds))
        connect()

    monkeypatch.setattr(site.dispatcher.gateway, "connect", slowly)
    site.submit("soldes", people(3))
    site.work()
    assert len(site.taken()) == sent
    assert site.outcomes() == (["sent"] if sent else [])
    if not sent:
        site.work()
        assert site.progress("soldes").waits_until == NEXT_MORNING
        site.forward_to(NEXT_MORNING)
        monkeypatch.undo()
    site.work_to_the_end()
    assert site.messages() == {"delivered": 3}
    site.check()


def test_window_that_closes_between_arming_and_sending_stops_the_send(
    workerless: OpenWorkerless, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = workerless(at=CLOSING - timedelta(seconds=20), switches=REFUSES)
    site.stop_clock()
    deliver = Attempts._deliver

    def late(attempts: Attempts, claimed: object) -> object:
        site.forward(seconds=4)
        return deliver(attempts, claimed)  # type: ignore[arg-type]

    site.submit("soldes", people(3))
    site.forward_to(CLOSING - timedelta(seconds=1))
    with monkeypatch.context() as patch:
        patch.setattr(Attempts, "_deliver", late)
        site.work()
    assert (site.outcomes(), site.sends()) == (["not_sent"], 0)
    site.work()
    assert site.progress("soldes").waits_until == NEXT_MORNING
    site.forward_to(NEXT_MORNING)
    site.work_to_the_end()
    assert site.messages() == {"delivered": 3}
    site.check()


def test_gateway_that_does_not_answer_a_connection_arms_nothing(
    workerless: OpenWorkerless,
) -> None:
    """It accepts the connection and sends nothing, as an overloaded machine does."""

    def silent(peer: Peer) -> None:
        peer.until_gone()

    with RawServer(silent) as server:
        slow = {"api_url": f"https://localhost:{server.port}/v1", "call_timeout": 1}
        site = workerless(**slow, connect_timeout=0.5)
        site.submit("soldes", people(3))
        site.work()
        assert site.batch().state == "pending"
        assert site.batch().why
        assert not site.attempts()
        assert site.gateway.key.encode() not in server.seen

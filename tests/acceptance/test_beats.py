"""Rows 22 and 23 of the fault matrix: two beats at once, and none; and one of two.

Both databases where writers wait for each other.
"""

from __future__ import annotations

import socket
import threading
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import update

from dispatcher import Dispatcher
from dispatcher.campaigns.beats import Beat
from dispatcher.monitoring.doctor import Finding, examine
from dispatcher.settings.clock import shifted
from dispatcher.storage import heartbeats
from dispatcher.storage.tables import Heartbeat
from tests.acceptance.installation import Installation, people


def test_two_beats_and_three_ticks_at_once_send_each_batch_once(
    tmp_path: Path, database_url: str
) -> None:  # row 22
    with Installation(tmp_path, database_url) as site:
        beats = [site.beat("one"), site.beat("two")]
        site.worker()
        site.submit("soldes", people(2500))
        at_once = threading.Barrier(3)

        def tick() -> None:
            at_once.wait()
            site.dispatcher.tick()

        ticks = [threading.Thread(target=tick) for _ in range(3)]
        for thread in ticks:
            thread.start()
        for thread in ticks:
            thread.join()
        assert site.wait_finished("soldes").messages["delivered"] == 2500
        assert site.outcomes() == ["sent"] * 5
        assert all(beat.alive for beat in beats)
        site.check()


def test_without_a_beat_doctor_says_so_and_the_tick_command_replaces_it(
    tmp_path: Path, sqlite_url: str
) -> None:  # row 23
    with Installation(tmp_path, sqlite_url) as site:
        site.submit("soldes", people(3))
        assert _beat(site).says == "no worker has ever ticked"
        result = site.command("tick", "--inline")
        assert result.returncode == 0, result.stderr
        assert _beat(site).ok
        assert site.outcomes() == ["sent"]
        silent = _beat(site, after=timedelta(seconds=61))
        assert (silent.ok, silent.remedy[:12]) == (False, "start a beat")
        site.worker()
        while site.progress("soldes").state != "finished":
            assert site.command("tick").returncode == 0
        assert site.progress("soldes").messages["delivered"] == 3
        site.check()


def test_beat_that_is_killed_of_two_is_missing_until_it_is_started_again(
    tmp_path: Path, database_url: str
) -> None:
    with Installation(tmp_path, database_url) as site:
        beats = {beat.pid: beat for beat in (site.beat("one"), site.beat("two"))}
        site.worker()
        site.wait(lambda: len(_known(site)) == 2, "a tick of both beats")
        assert (_beat(site).level, site.dispatcher.missing_beats()) == ("ok", [])
        first, second = _known(site)
        host, _, pid = first.name.rpartition(":")
        assert second.name.rpartition(":")[0] == host == socket.gethostname()
        beats[int(pid)].kill()
        _wait_for_ticks(site, second)  # what it queued before is done
        _end_earlier(site, first)
        site.submit("soldes", people(3))
        assert site.wait_finished("soldes").messages["delivered"] == 3
        _wait_for_ticks(site, second)
        missing = _beat(site)
        assert (missing.level, first.name in missing.says) == ("warning", True)
        assert second.name not in missing.says
        assert [beat.name for beat in site.dispatcher.missing_beats()] == [first.name]
        site.beat("one-anew")
        site.wait(lambda: _beat(site).level == "ok", "the beat that was started again")
        site.check()


def _known(site: Installation) -> list[Beat]:
    with site.dispatcher.database.read() as session:
        return sorted(heartbeats.beats(session, site.dispatcher.clock()), key=lambda it: it.name)


def _wait_for_ticks(site: Installation, beat: Beat) -> None:
    """Wait until workers have taken two more of its ticks."""
    for _ in range(2):
        [before] = [it.at for it in _known(site) if it.name == beat.name]

        def ticked(before: datetime = before) -> bool:
            return any(it.name == beat.name and it.at > before for it in _known(site))

        site.wait(ticked, f"a tick of {beat.name}")


def _end_earlier(site: Installation, ended: Beat) -> None:
    """Have all beats begun an hour ago, and one ended five minutes ago."""
    now = site.dispatcher.clock()
    one = update(Heartbeat).where(Heartbeat.name == ended.name)
    with site.dispatcher.database.write() as session:
        session.execute(
            update(Heartbeat)
            .where(Heartbeat.since.is_not(None))
            .values(since=now - timedelta(hours=1))
        )
        session.execute(one.values(at=now - timedelta(minutes=5)))


def _beat(site: Installation, after: timedelta = timedelta(0)) -> Finding:
    """The doctor's finding about the beat, some time later."""
    offset = site.settings.clock_offset + after.total_seconds()
    patient = Dispatcher(site.settings, clock=shifted(offset))
    [finding] = examine(patient, ["beat"])
    patient.database.close()
    return finding

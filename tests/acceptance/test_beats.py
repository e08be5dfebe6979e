"""Rows 22 and 23 of the fault matrix: two beats at once, and none.

Both databases where writers wait for each other.
"""

from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path

from dispatcher import Dispatcher
from dispatcher.monitoring.doctor import Finding, examine
from dispatcher.settings.clock import shifted
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


def _beat(site: Installation, after: timedelta = timedelta(0)) -> Finding:
    """The doctor's finding about the beat, some time later."""
    offset = site.settings.clock_offset + after.total_seconds()
    patient = Dispatcher(site.settings, clock=shifted(offset))
    [finding] = [look for look in examine(patient) if look.name == "beat"]
    patient.database.close()
    return finding

"""Retention with a real worker: old events are deleted without a command."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from sqlalchemy import func, select

from dispatcher.storage import events
from dispatcher.storage.tables import Event
from tests.acceptance.installation import Installation, people


def test_worker_deletes_old_events_while_it_sends(tmp_path: Path, database_url: str) -> None:
    with Installation(tmp_path, database_url, history_days=31) as site:
        old = site.dispatcher.clock() - timedelta(days=32)
        with site.dispatcher.database.write() as session:
            for _ in range(1200):
                events.add(session, "opt_out_added", now=old, counts={"opt_outs": 1})
            session.query(Event).update({Event.check_at: None})
        worker = site.worker()
        site.submit("soldes", people(40))
        site.ticks()

        def left() -> int:
            with site.dispatcher.database.read() as session:
                question = select(func.count()).select_from(Event).where(Event.at <= old)
                return session.scalar(question) or 0

        site.wait(lambda: left() == 0, "the old events to be deleted")
        site.wait_finished("soldes")
        # it says so once that is committed
        site.wait(lambda: worker.says("retention: 1200 events deleted"), "the worker to say so")
        site.check()

"""Opt-outs that come while a batch is on its way to its claim."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import ExitStack
from datetime import timedelta
from typing import Any
from unittest import mock

import pytest
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from dispatcher.storage import opt_outs
from dispatcher.storage.batches import hand_over
from dispatcher.storage.batches.recipients import pending
from dispatcher.storage.database import Database
from dispatcher.storage.tables import Batch, Campaign, Meta
from tests.databases import wait_for_locks
from tests.integration.bench import OPEN, Bench, opened, people
from tests.integration.conftest import empty
from tests.waiting import PATIENCE

STOPPED = people(3)[0]


def once(act: Callable[[], object]) -> Callable[[], object]:
    """Call ``act`` the first time, and do nothing afterwards."""
    acts = [act]
    return lambda: acts.pop()() if acts else None


def stop(session: Session, bench: Bench) -> None:
    opt_outs.add(session, [STOPPED], source="by hand", now=bench.clock())


@pytest.mark.parametrize("first", [True, False], ids=["first opt-out ever", "a later one"])
def test_claim_that_waits_for_the_list_finds_the_stop_committed_meanwhile(
    postgres_tables: Database, first: bool
) -> None:
    empty(postgres_tables)
    with opened(postgres_tables) as bench, ExitStack() as holding:
        if not first:
            bench.opt_out(people(1, start=500)[0])
        batch = bench.submit(3)
        holder = holding.enter_context(postgres_tables.write())
        # not committed yet
        bench.gateway.on_connect = once(lambda: stop(holder, bench))
        sender = threading.Thread(target=bench.send, args=(batch,))
        sender.start()
        wait_for_locks(postgres_tables)
        holding.close()
        sender.join(PATIENCE)
        bench.work()
        assert STOPPED not in bench.gateway.texted
        assert bench.messages() == {"sent": 2, "opted_out": 1}
        bench.check()


@pytest.mark.parametrize("first", [True, False], ids=["first opt-out ever", "a later one"])
@pytest.mark.parametrize("row", [Campaign, Batch], ids=["campaign", "batch"])
def test_claim_of_a_locked_row_waits_for_nothing_and_finds_the_stop_later(
    postgres_tables: Database, row: type[Any], first: bool
) -> None:
    empty(postgres_tables)
    with opened(postgres_tables) as bench:
        if not first:
            bench.opt_out(people(1, start=500)[0])
        batch = bench.submit(3)
        with postgres_tables.write() as holder:
            lock = select(row).with_for_update()
            bench.gateway.on_connect = once(lambda: holder.execute(lock).all())
            bench.send(batch)
            assert bench.gateway.texted == {}
            bench.opt_out(STOPPED)
        bench.work()
        assert STOPPED not in bench.gateway.texted
        assert bench.messages() == {"sent": 2, "opted_out": 1}
        bench.check()


def test_first_erasure_while_a_batch_is_gathered_is_respected(bench: Bench) -> None:
    batch = bench.submit(3)
    bench.opt_out(STOPPED)
    erase = once(lambda: bench.dispatcher.opt_outs.erase(STOPPED))

    def erase_first(row: Any, states: str) -> Any:
        erase()
        return pending(row, states)

    with mock.patch("dispatcher.storage.batches.recipients.pending", erase_first):
        bench.send(batch)
    bench.work()
    assert STOPPED not in bench.gateway.texted
    assert bench.messages() == {"sent": 2, "opted_out": 1}


def test_every_change_of_the_list_changes_its_version(bench: Bench) -> None:
    def version() -> str | None:
        with bench.dispatcher.database.read() as session:
            return session.scalar(select(Meta.value).where(Meta.name == opt_outs.VERSION))

    versions = [version()]
    bench.opt_out(STOPPED)
    versions.append(version())
    bench.dispatcher.opt_outs.erase(STOPPED)
    versions.append(version())
    bench.dispatcher.opt_outs.remove(STOPPED, reason="consented again")
    versions.append(version())
    assert len(set(versions)) == 4


def test_claim_without_a_version_of_the_list_gathers_again(bench: Bench) -> None:
    bench.opt_out(people(1, start=500)[0])
    batch = bench.submit(3)

    def flush() -> None:
        with bench.dispatcher.database.write() as session:
            session.execute(delete(Meta))

    bench.gateway.on_connect = once(flush)
    bench.send(batch)
    bench.work()
    assert bench.outcomes(batch) == ["sent"]
    assert bench.messages() == {"sent": 3}


def test_first_opt_out_ever_is_heard_during_a_hand_over(postgres_tables: Database) -> None:
    """It comes after the recipients were compared, and before the hand-over is committed."""
    empty(postgres_tables)
    with opened(postgres_tables) as bench:
        hour = OPEN + timedelta(hours=3)
        batch = bench.submit(3, not_before=hour, hand_over=True)
        compare = hand_over.opted_out_meanwhile
        stopping = threading.Thread(target=bench.opt_out, args=(STOPPED,))

        def compared(session: Session, gathered: Any) -> bool:
            found = compare(session, gathered)
            stopping.start()
            wait_for_locks(postgres_tables)  # the opt-out waits for our commit
            return found

        with mock.patch.object(hand_over, "opted_out_meanwhile", compared):
            bench.send(batch)
        stopping.join(PATIENCE)
        bench.work()
        assert bench.gateway.cancel_calls
        bench.check()

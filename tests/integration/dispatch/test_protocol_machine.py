"""The sending protocol under drawn faults, judged by the gateway's ledger after every step."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime
from typing import Any, cast
from unittest import mock

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from sqlalchemy import text

from dispatcher.storage.batches import moves
from dispatcher.storage.database import Database
from tests.integration.bench import people
from tests.integration.dispatch.protocol_checks import watched
from tests.integration.dispatch.protocol_machine import Protocol

_PHASES = (Phase.generate, Phase.target, Phase.shrink)


def run(tables: Database, *, examples: int) -> None:
    """Run some examples, or as many as ``PROTOCOL_EXAMPLES`` says."""
    # it may be any callable that makes a machine
    factory = cast("type[Protocol]", lambda: Protocol(tables))
    with watched(tables):
        run_state_machine_as_test(
            factory,
            settings=settings(
                max_examples=int(os.environ.get("PROTOCOL_EXAMPLES", examples)),
                stateful_step_count=25,
                # looking for a smaller example takes minutes: PROTOCOL_EXAMPLES asks for that
                phases=_PHASES if "PROTOCOL_EXAMPLES" in os.environ else (Phase.generate,),
                suppress_health_check=list(HealthCheck),
                print_blob=True,
            ),
        )


def test_protocol_keeps_its_promises_on_sqlite(sqlite_tables: Database) -> None:
    run(sqlite_tables, examples=24)


def test_protocol_keeps_its_promises_on_postgresql(postgres_tables: Database) -> None:
    run(postgres_tables, examples=6)


# -- the checks bite


def retrying(session: Any, now: datetime, check_at: datetime) -> list[int]:
    """The usual policy: what a lost worker had is sent again."""
    query = text(
        "UPDATE dispatcher_batch SET state = 'pending', lease_until = NULL, not_before = :now"
        " WHERE state = 'sending' AND lease_until < :now"
    )
    session.execute(query, {"now": now.replace(tzinfo=None)})
    return []


def nothing(*_: object, **__: object) -> None:
    """The usual oversight."""


def lose_a_worker(machine: Protocol) -> None:
    machine.send(["die after the bytes"], [], lag="shows")


def lie(machine: Protocol) -> None:
    machine.send(["throttle and take"], [], lag="shows")


def lie_until_it_is_sent_again(machine: Protocol) -> None:
    machine.send(["throttle and take"], [], lag="late")
    machine.work()
    machine.gateway.show_all()


def come_after_closing(machine: Protocol) -> None:
    machine.the_windows_edge(60)
    machine.send(["swallow"], [], lag="shows")


def show_nothing_of_a_lost_batch(machine: Protocol) -> None:
    machine.end = "give up"
    machine.send(["swallow"], [], lag="shows")


def show_a_half_that_was_given_up(machine: Protocol) -> None:
    """The others of its batch wait meanwhile."""
    machine.send(["code 9", "lose"], [], lag="late")
    machine.do("give up")
    machine.do("pause")
    machine.tags_show()


BREAKS = [
    pytest.param(
        "dispatcher.storage.batches.moves.rescue",
        retrying,
        lose_a_worker,
        "somebody was texted twice",
        id="what a lost worker had is sent again",
    ),
    pytest.param(
        "dispatcher.dispatch.sending.attempt.Attempts._check_earlier_attempts",
        nothing,
        lie,
        "somebody was texted twice",
        id="what was refused for its rate is sent again unseen",
    ),
    pytest.param(
        "dispatcher.storage.batches.evidence._note_twice",
        nothing,
        lie_until_it_is_sent_again,
        "nobody was told",
        id="a double text is not put on record",
    ),
    pytest.param(
        "dispatcher.storage.batches.evidence._write_batch",
        nothing,
        show_a_half_that_was_given_up,
        "known to have been texted, and is n",
        id="a late proof is remembered and not applied",
    ),
    pytest.param(
        "dispatcher.dispatch.sending.attempt.Attempts._hold",
        nothing,
        come_after_closing,
        "the window is closed",
        id="the window is not asked",
    ),
    pytest.param(
        "dispatcher.storage.doubts.give_up",
        nothing,
        show_nothing_of_a_lost_batch,
        "a doubt has no way out",
        id="a doubt cannot be given up",
    ),
]


@pytest.mark.parametrize(("what", "instead", "act", "words"), BREAKS)
def test_protocol_with_a_broken_promise_fails(
    tables: Database,
    what: str,
    instead: Callable[..., Any],
    act: Callable[[Protocol], None],
    words: str,
) -> None:
    """The same steps as drawn above, over a protocol that breaks a promise."""

    def steps() -> None:
        machine = Protocol(tables)
        try:
            machine.submit(3, commercial=True, hours=None)
            act(machine)
            for _ in range(3):
                machine.work()
            machine.everything_holds()
        finally:
            machine.teardown()

    with watched(tables):
        steps()  # the real protocol passes
        with mock.patch(what, instead), pytest.raises(AssertionError, match=words):
            steps()


def test_resending_after_a_lost_worker_texts_everybody_twice(tables: Database) -> None:
    """The usual policy, told by the ledger alone."""
    with watched(tables):
        machine = Protocol(tables)
        with machine.stack.pop_all(), mock.patch.object(moves, "rescue", retrying):
            machine.submit(3, commercial=True, hours=None)
            machine.send(["die after the bytes"], [], lag="shows")
            machine.work()
        assert machine.gateway.texted == dict.fromkeys(people(3), 2)

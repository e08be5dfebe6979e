"""Drafts and tests by several people in the same moment."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from dispatcher import DispatcherError
from dispatcher.api import actor
from dispatcher.campaigns.states import DraftState
from dispatcher.storage.database import Database
from tests.integration.bench import Bench, opened, people

INES = "+33639987201"


@pytest.fixture
def signed_in(monkeypatch: pytest.MonkeyPatch) -> threading.local:
    """Who is signed in, thread by thread."""
    who = threading.local()
    monkeypatch.setattr(actor, "_signed_in", [lambda: getattr(who, "name", "zoe")])
    return who


def handed_in(bench: Bench) -> int:
    drafts = bench.dispatcher.drafts
    draft = drafts.create("soldes", "Bonjour")
    draft = drafts.set_list("soldes", people(3), version=draft.version)
    draft, _ = drafts.plan("soldes", version=draft.version)
    return drafts.hand_in("soldes", version=draft.version).version


def together(signed_in: threading.local, *acts: tuple[str, Callable[[], Any]]) -> list[str]:
    """Let all act at once; returns who was refused, by the kind of the error."""
    start = threading.Barrier(len(acts))

    def act(who: str, do: Callable[[], Any]) -> str:
        signed_in.name = who
        start.wait()
        try:
            do()
        except DispatcherError as error:
            return type(error).__name__
        return ""

    with ThreadPoolExecutor(len(acts)) as pool:
        return sorted(filter(None, pool.map(lambda one: act(*one), acts)))


def test_two_people_who_approve_at_once_send_one_campaign(
    tables: Database, signed_in: threading.local
) -> None:
    with opened(tables, approval="required") as bench:
        handed_in(bench)
        approve = bench.dispatcher.drafts.approve

        acts = [(name, lambda: approve("soldes")) for name in ("luc", "anne", "yann")]
        refused = together(signed_in, *acts)

        assert len(refused) <= 2
        assert len(bench.campaigns()) == 1
        bench.work()
        assert set(bench.gateway.texted.values()) == {1}
        assert len(bench.actions("approve")) == 1


def test_approval_beside_a_change_is_one_of_both(
    tables: Database, signed_in: threading.local
) -> None:
    with opened(tables, approval="required") as bench:
        version = handed_in(bench)
        drafts = bench.dispatcher.drafts

        refused = together(
            signed_in,
            ("luc", lambda: drafts.approve("soldes")),
            ("zoe", lambda: drafts.save("soldes", version=version, text="Autre")),
        )

        assert len(refused) == 1
        changed = drafts.get("soldes")
        if changed.state is DraftState.SUBMITTED:
            assert bench.campaigns()[0].text == "Bonjour"
        else:
            assert changed.text == "Autre"
            assert not bench.campaigns()


def test_tests_at_once_stay_under_the_limit_of_a_day(
    tables: Database, signed_in: threading.local
) -> None:
    with opened(tables, tests_a_day=2) as bench:
        bench.dispatcher.testers.add("Inès", INES)
        handed_in(bench)
        send = bench.dispatcher.testers.send

        acts = [("zoe", lambda: send("soldes", to=["Inès"])) for _ in range(4)]
        refused = together(signed_in, *acts)

        assert refused == ["IllegalMove", "IllegalMove"]
        bench.work()
        assert bench.gateway.texted[INES] == 2


def test_form_that_is_posted_twice_at_once_sends_one_test(
    tables: Database, signed_in: threading.local
) -> None:
    with opened(tables) as bench:
        bench.dispatcher.testers.add("Inès", INES)
        handed_in(bench)
        send = bench.dispatcher.testers.send

        acts = [("zoe", lambda: send("soldes", to=["Inès"], once="form")) for _ in range(3)]
        assert not together(signed_in, *acts)

        bench.work()
        assert bench.gateway.texted[INES] == 1

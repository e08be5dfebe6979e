"""Numbers looked up at the gateway before they are planned, on both databases."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dispatcher import ConfigurationError, Dispatcher, InvalidCampaign, PlanChanged, Settings
from dispatcher.checks import NumberCheck
from dispatcher.planner import LARGEST_BATCH
from dispatcher.recipients import Recipient, Rejection
from dispatcher.screen import Screen
from tests.fakes import FakeGateway
from tests.integration.bench import TEXT, Bench, people

FOREIGN = "+447700900123"
EVERYBODY = [*people(2), FOREIGN]


def nothing(request: str) -> NumberCheck:
    """The gateway says that this is no number."""
    return NumberCheck(request, False, refused=True)


@pytest.fixture
def doubted(bench: Bench) -> Bench:
    """A gateway that takes a French and a foreign number for none."""
    for phone in (people(1)[0], FOREIGN):
        bench.gateway.forms[phone] = nothing(phone)
    return bench


def test_nobody_is_asked_unless_it_is_wanted(bench: Bench) -> None:
    assert bench.dispatcher.plan(TEXT, EVERYBODY).lookups is None
    bench.dispatcher.submit("soldes", TEXT, EVERYBODY)
    assert bench.gateway.number_checks == []


def test_a_plan_tells_the_forms_and_differs_by_lines(doubted: Bench) -> None:
    plan = doubted.dispatcher.plan(TEXT, EVERYBODY, check_numbers=True)
    assert plan.lookups is not None
    assert plan.lookups.sentences() == [
        "1 × France, Mobile",
        "1 × no number, the gateway says, kept: line 1",
        "1 × no number, the gateway says, left out: line 3",
    ]
    assert plan.kept == 2
    assert plan.rejected == {"invalid_at_gateway": 1}
    told = plan.as_json()["lookups"]
    assert told["asked"] == 3
    assert {phone for phone in EVERYBODY if phone in str(told)} == set()


def test_a_french_number_stays_whatever_the_gateway_says(doubted: Bench) -> None:
    left: list[Rejection] = []
    doubted.dispatcher.submit("soldes", TEXT, EVERYBODY, check_numbers=True, reject=left.append)
    doubted.work()
    assert set(doubted.gateway.texted) == set(people(2))
    assert [(one.row, one.reason) for one in left] == [(3, "invalid_at_gateway")]
    (action,) = doubted.actions("check numbers")
    assert "no number, the gateway says, left out: line 3" in action.reason
    assert not any(phone in action.reason for phone in EVERYBODY)


def test_a_foreign_number_stays_when_the_gateway_knows_none_at_all(bench: Bench) -> None:
    bench.gateway.forms[FOREIGN] = nothing(FOREIGN)
    plan = bench.dispatcher.plan(TEXT, [FOREIGN], check_numbers=True)
    assert (plan.kept, plan.rejected) == (1, {})


def test_the_same_again_is_the_same_campaign_whatever_the_gateway_says_by_then(
    doubted: Bench,
) -> None:
    first = doubted.dispatcher.submit("soldes", TEXT, EVERYBODY, check_numbers=True)
    doubted.gateway.forms.clear()
    asked = len(doubted.gateway.number_checks)
    assert doubted.dispatcher.submit("soldes", TEXT, EVERYBODY, check_numbers=True) == first
    assert doubted.dispatcher.submit("soldes", TEXT, EVERYBODY) == first
    assert len(doubted.gateway.number_checks) == asked


def test_an_approved_plan_is_refused_when_the_gateway_says_something_else(doubted: Bench) -> None:
    plan = doubted.dispatcher.plan(TEXT, EVERYBODY, check_numbers=True)
    doubted.gateway.forms.clear()
    with pytest.raises(PlanChanged):
        doubted.dispatcher.submit(
            "soldes", TEXT, EVERYBODY, check_numbers=True, approved=plan.fingerprint
        )


def test_strict_refuses_what_the_gateway_rejects(doubted: Bench) -> None:
    with pytest.raises(InvalidCampaign, match="1 of 3 rows"):
        doubted.dispatcher.submit("soldes", TEXT, EVERYBODY, check_numbers=True, strict=True)
    assert doubted.campaigns() == []


def test_a_gateway_that_does_not_answer_stops_nobody(bench: Bench) -> None:
    bench.gateway.blind = True
    everybody = people(LARGEST_BATCH + 10)
    plan = bench.dispatcher.plan(TEXT, everybody, check_numbers=True)
    assert plan.kept == len(everybody)
    assert plan.lookups is not None
    assert plan.lookups.sentences() == ["510 were not looked up: HTTP 503 with an unreadable body"]
    assert len(bench.gateway.number_checks) == 1  # each call would wait in vain
    bench.dispatcher.submit("soldes", TEXT, everybody, check_numbers=True)
    assert bench.progress().recipients == len(everybody)


def test_each_number_of_a_call_is_asked_about_once_and_no_other(bench: Bench) -> None:
    given = [*people(LARGEST_BATCH - 2), "0639980000", "nobody", *people(1, start=600)]
    bench.dispatcher.plan(TEXT, given, check_numbers=True)
    first, second = bench.gateway.number_checks
    assert first == people(LARGEST_BATCH - 2)
    assert second == people(1, start=600)


def test_look_ups_keep_the_pace_that_the_gateway_asks_for() -> None:
    waits: list[float] = []
    screen = Screen(FakeGateway(), wait=waits.append)
    rows = screen.rows(Recipient(phone) for phone in people(2 * LARGEST_BATCH + 1))
    assert sum(1 for _ in rows) == 2 * LARGEST_BATCH + 1
    assert len(waits) == 2
    assert all(0 < wait <= 0.4 for wait in waits)


def test_a_list_that_breaks_off_raises_its_own_error(bench: Bench) -> None:
    def broken() -> Iterator[str]:
        yield from people(1)
        raise InvalidCampaign("line 2 cannot be read")

    with pytest.raises(InvalidCampaign, match="line 2"):
        bench.dispatcher.submit("soldes", TEXT, broken(), check_numbers=True)


def test_without_a_key_it_cannot_be_asked(bench: Bench) -> None:
    keyless = Dispatcher(Settings.of(), database=bench.dispatcher.database, clock=bench.clock)
    with pytest.raises(ConfigurationError, match="DISPATCHER_API_KEY"):
        keyless.plan(TEXT, EVERYBODY, check_numbers=True)

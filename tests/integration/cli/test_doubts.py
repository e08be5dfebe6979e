"""``dispatcher doubts``, ``resend`` and ``give-up``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from dispatcher.api.gateways import Gateways
from dispatcher.cli import confirm as consent
from dispatcher.storage import schema
from dispatcher.storage.database import Database
from tests.integration.bench import Bench, opened
from tests.integration.cli.test_commands import Shell
from tests.statements import add_doubts, counted


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    return Shell(tmp_path, monkeypatch)


@pytest.fixture
def bench(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """An installation whose database and gateway the shell shares."""
    database = Database(f"sqlite:///{shell.directory / 'dispatcher.db'}")
    schema.prepare(database)
    with opened(database) as bench:
        monkeypatch.setattr(Gateways, "of", lambda *_: bench.gateway)
        yield bench
        bench.check()
    database.close()


def in_doubt(bench: Bench, count: int = 3, reference: str = "soldes") -> int:
    """A batch whose request was lost on the way; the gateway works again."""
    bench.gateway.behave = bench.gateway.swallow
    batch_id = bench.submit(count, reference)
    bench.work()
    bench.gateway.behave = bench.gateway.take
    assert bench.batch(batch_id).state == "in_doubt"
    return batch_id


# -- doubts


def test_doubts_without_a_doubt_prints_that_there_is_none(shell: Shell, bench: Bench) -> None:
    assert shell("doubts").stdout == "nothing is in doubt\n"
    assert json.loads(shell("doubts", "--json").stdout) == {"doubts": [], "incidents": []}


def test_fifty_doubts_take_as_many_statements_as_three(shell: Shell, bench: Bench) -> None:
    counts = []
    with opened(bench.dispatcher.database, doubt_limit=99) as patient:
        for first, last in ((0, 3), (3, 50)):
            add_doubts(patient.dispatcher, bench.gateway, first, last)
            with counted() as found:
                assert len(json.loads(shell("doubts", "--json").stdout)["doubts"]) == last
            counts.append(len(found))
    assert counts[0] == counts[1]


def test_doubt_is_listed_with_its_people_and_its_reason(shell: Shell, bench: Bench) -> None:
    batch_id = in_doubt(bench)

    header, row, *rest = shell("doubts").stdout.splitlines()

    assert header.split()[:5] == ["batch", "campaign", "number", "people", "since"]
    assert row.split()[:4] == [str(batch_id), "soldes", "1", "3"]
    assert "10:00" in row
    batch = bench.batch(batch_id)
    assert batch.why in row
    assert batch.tag is not None
    assert batch.tag in row
    assert "dispatcher resend or give-up" in " ".join(rest)
    assert "639" not in row.replace("+", "")


def test_doubts_print_json(shell: Shell, bench: Bench) -> None:
    batch_id = in_doubt(bench)
    (doubt,) = bench.dispatcher.doubts()
    assert doubt.next_lookup is not None

    output = json.loads(shell("doubts", "--json").stdout)

    assert output["doubts"] == [
        {
            "batch_id": batch_id,
            "reference": "soldes",
            "number": 1,
            "territory": "metropole",
            "messages": 3,
            "segments": 3,
            "since": doubt.since.isoformat(),
            "why": doubt.why,
            "lookups": doubt.lookups,
            "next_lookup": doubt.next_lookup.isoformat(),
            "account": "",
            "tag": bench.batch(batch_id).tag,
        }
    ]


def test_double_text_after_a_resend_stays_listed(shell: Shell, bench: Bench) -> None:
    bench.gateway.behave = bench.gateway.lose
    batch_id = bench.submit(3)
    bench.work()
    bench.gateway.hidden.update(bench.gateway.tags)
    bench.gateway.behave = bench.gateway.take
    assert (
        shell("resend", batch_id, "--reason", "the shop says nothing came", "--yes").exit_code == 0
    )
    bench.pass_by(minutes=1)
    bench.gateway.hidden.clear()
    bench.pass_by(minutes=1)

    output = shell("doubts").stdout

    assert "nothing is in doubt" in output
    assert "double texts on record" in output
    assert f"attempt 1 of batch {batch_id} was sent, and so was another: 3 people" in output
    (incident,) = json.loads(shell("doubts", "--json").stdout)["incidents"]
    assert (incident["reference"], incident["batch_id"]) == ("soldes", batch_id)


# -- resend and give-up


def test_resend_sends_again_and_records_actor_and_reason(shell: Shell, bench: Bench) -> None:
    batch_id = in_doubt(bench)

    output = shell("resend", batch_id, "--reason", "nobody got it", "--by", "Zoé", "--yes").stdout

    assert output == f"batch {batch_id} of soldes will be sent again to 3 people\n"
    (action,) = bench.actions("resend")
    assert (action.actor, action.reason) == ("Zoé", "nobody got it")
    bench.pass_by(minutes=1)
    assert set(bench.gateway.texted.values()) == {1}
    assert len(bench.gateway.texted) == 3


def test_give_up_leaves_the_messages_unreported(shell: Shell, bench: Bench) -> None:
    batch_id = in_doubt(bench)

    output = shell("give-up", batch_id, "--reason", "too late now", "--yes").stdout

    assert output == f"batch {batch_id} of soldes is given up: 3 people unreported\n"
    (action,) = bench.actions("give up")
    assert action.reason == "too late now"
    assert action.actor
    assert bench.messages() == {"unreported": 3}
    assert shell("doubts").stdout == "nothing is in doubt\n"


@pytest.mark.parametrize(
    ("verb", "at_stake"),
    [
        ("resend", "took it after all, 3 people will be texted twice and billed twice"),
        ("give-up", "did not take it, 3 people will never get the text"),
    ],
)
def test_decision_without_a_terminal_needs_the_yes_option(
    shell: Shell, bench: Bench, verb: str, at_stake: str
) -> None:
    batch_id = in_doubt(bench)

    refused = shell(verb, batch_id, "--reason", "why not")

    assert (refused.exit_code, refused.stdout) == (2, "")
    assert at_stake in refused.stderr
    assert refused.stderr.endswith(": confirm it by --yes\n")
    assert bench.batch(batch_id).state == "in_doubt"
    assert not bench.actions("resend")


@pytest.mark.parametrize(
    ("verb", "answer", "state"),
    [
        ("resend", "n\n", "in_doubt"),
        ("resend", "y\n", "pending"),
        ("give-up", "n\n", "in_doubt"),
        ("give-up", "y\n", "failed"),
    ],
)
def test_decision_on_a_terminal_names_the_risk_and_asks(
    shell: Shell, bench: Bench, monkeypatch: pytest.MonkeyPatch, verb: str, answer: str, state: str
) -> None:
    batch_id = in_doubt(bench)
    monkeypatch.setattr(consent, "can_ask", lambda: True)

    result = shell(verb, batch_id, "--reason", "x", stdin=answer)

    assert f"Batch {batch_id} of soldes concerns 3 people. If the gateway " in result.output
    assert bench.batch(batch_id).state == state
    assert result.exit_code == (0 if answer == "y\n" else 1)


def test_resend_shows_its_cost_if_a_price_is_set(shell: Shell, bench: Bench) -> None:
    shell.set(prices="metropole=0.05")
    batch_id = in_doubt(bench, 40)

    refused = shell("resend", batch_id, "--reason", "x")

    assert "40 people will be texted twice and billed twice (about 2.00 €)" in refused.stderr


def test_batch_found_at_the_gateway_is_not_sent_again(shell: Shell, bench: Bench) -> None:
    bench.gateway.behave = bench.gateway.lose
    batch_id = bench.submit(3)
    bench.work()
    assert bench.batch(batch_id).state == "in_doubt"

    refused = shell("resend", batch_id, "--reason", "x", "--yes")

    assert refused.exit_code == 1
    assert refused.stderr == f"dispatcher: batch {batch_id} shows at the gateway: it was taken\n"
    assert set(bench.gateway.texted.values()) == {1}


def test_resend_with_an_unreachable_gateway_ends_with_3(shell: Shell, bench: Bench) -> None:
    batch_id = in_doubt(bench)
    bench.gateway.blind = True

    refused = shell("resend", batch_id, "--reason", "x", "--yes")

    assert refused.exit_code == 3
    assert bench.batch(batch_id).state == "in_doubt"


@pytest.mark.parametrize("verb", ["resend", "give-up"])
@pytest.mark.parametrize("batch", ["7", "9" * 19])
def test_decision_on_unknown_batch_is_refused(
    shell: Shell, bench: Bench, verb: str, batch: str
) -> None:
    bench.submit()

    refused = shell(verb, batch, "--reason", "x", "--yes")

    assert (refused.exit_code, refused.stdout) == (1 if len(batch) == 1 else 2, "")


@pytest.mark.parametrize("verb", ["resend", "give-up"])
def test_batch_that_is_not_in_doubt_is_not_changed(shell: Shell, bench: Bench, verb: str) -> None:
    batch_id = bench.submit()

    refused = shell(verb, batch_id, "--reason", "x", "--yes")

    assert refused.exit_code == 1
    assert f"no batch {batch_id} is in doubt" in refused.stderr
    assert bench.batch(batch_id).state == "pending"


@pytest.mark.parametrize("reason", [[], ["--reason", "  "]])
def test_decision_without_a_reason_is_refused(
    shell: Shell, bench: Bench, reason: list[str]
) -> None:
    batch_id = in_doubt(bench)

    refused = shell("resend", batch_id, "--yes", *reason)

    assert refused.exit_code == 2
    assert "reason" in refused.stderr
    assert bench.batch(batch_id).state == "in_doubt"

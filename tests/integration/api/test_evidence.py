"""The evidence of a campaign: written from real rows, verified from the file alone."""

from __future__ import annotations

import dataclasses
import io
import json
import zipfile
from collections.abc import Callable, Mapping
from datetime import timedelta
from decimal import Decimal
from hashlib import blake2b
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from dispatcher.campaigns.evidence_file import layout
from dispatcher.campaigns.evidence_file.archive import Archive
from dispatcher.campaigns.evidence_file.signing import Signer
from dispatcher.campaigns.evidence_file.verifying import Verification, verify
from dispatcher.errors import ConfigurationError, NotFound
from dispatcher.masking import is_pseudonym
from dispatcher.storage.database import Database
from dispatcher.storage.tables import BatchConsent, Campaign
from tests.integration.bench import OPEN, Bench, opened, people
from tests.integration.conftest import empty

_SECRET = "a signing key of the tests, 32 characters"
ANNE = "+33639980001"


@pytest.fixture
def campaign(tables: Database) -> Any:
    """A bench with a signing key, on which a campaign was sent to five, one of whom said STOP."""
    with opened(tables, signing_key=_SECRET) as bench:
        bench.opt_out(ANNE)
        bench.submit(5)
        bench.work()
        yield bench


def evidence_of(bench: Bench, reference: str = "soldes", **options: Any) -> bytes:
    stream = io.BytesIO()
    bench.dispatcher.evidence_writer.write(reference, stream, **options)
    return stream.getvalue()


def verified(data: bytes, key: str | None = None) -> Verification:
    return verify(io.BytesIO(data), key=key)


def members(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        return {name: file.read(name) for name in file.namelist()}


def lines(data: bytes, name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in members(data)[name].splitlines()]


def signed_anew(
    data: bytes, secret: str = "the key of somebody else, 32 characters", **changed: Any
) -> bytes:
    """The same evidence with other rows, signed by whoever changed it."""
    found, stream = members(data), io.BytesIO()
    archive = Archive(stream, Signer(secret))
    for name in layout.MEMBERS:
        stem = name.partition(".")[0]
        archive.add_text(name, [changed.get(stem, found[name].decode())])
    facts = json.loads(found[layout.MANIFEST])
    archive.close(
        {k: v for k, v in facts.items() if k not in ("format", "members", "key", "fingerprint")}
    )
    return stream.getvalue()


def test_evidence_of_a_sent_campaign_verifies_with_every_sum(campaign: Bench) -> None:
    data = evidence_of(campaign)
    found = verified(data, campaign.dispatcher.evidence_writer.key.fingerprint)
    assert found.problems == ()
    assert found.remarks == ()
    assert found.reference == "soldes"
    assert found.sums["recipients"] == 5
    assert found.sums["states"] == {"sent": 4, "opted_out": 1}
    assert found.sums["attempts"] == 1
    assert found.sums["outcomes"] == {"sent": 1}
    [batch] = lines(data, layout.BATCHES)
    assert batch["window"]["territory"] == "metropole"
    assert batch["window"]["rule"].startswith("both default/1 holidays ")
    [attempt] = lines(data, layout.ATTEMPTS)
    assert attempt["tag"] == campaign.batch(batch["id"]).tag
    assert [one["recipient"] for one in lines(data, layout.RECIPIENTS)] == people(5)
    [left_out] = lines(data, layout.OPT_OUTS)
    assert (left_out["position"], left_out["source"]) == (1, "by hand")


def test_campaign_document_says_text_people_plan_and_list(campaign: Bench) -> None:
    document = json.loads(members(evidence_of(campaign))[layout.CAMPAIGN])
    assert document["text"] == "Soldes demain chez nous"
    assert document["stop_mention"] == {"in_text": False, "added_by_gateway": True}
    assert document["submitted"]["by"]
    assert document["approved"] is None
    plan = campaign.dispatcher.plan("Soldes demain chez nous", people(5))
    assert document["plan"] == plan.fingerprint
    assert len(document["list"]["hash"]) == 32
    assert document["list"]["rows"] == 5


def test_list_hash_is_the_one_that_the_file_describes(campaign: Bench) -> None:
    total = sum(
        int.from_bytes(blake2b(f"{phone}\0metropole\0".encode(), digest_size=16).digest(), "big")
        for phone in people(5)
    )
    document = json.loads(members(evidence_of(campaign))[layout.CAMPAIGN])
    assert document["list"]["hash"] == f"{total % (1 << 128):032x}"


def test_masked_evidence_shows_no_number(campaign: Bench) -> None:
    data = evidence_of(campaign, hides=True)
    assert verified(data).problems == ()
    assert not any(phone.encode() in body for body in members(data).values() for phone in people(5))


def test_recipients_of_evidence_have_the_callers_key_masked_where_it_is_a_number(
    campaign: Bench,
) -> None:
    bruno, chloe = people(2, 10)
    campaign.dispatcher.submit(
        "noel", "Noël chez nous", [{"mobile": bruno, "key": "C-7"}, {"mobile": chloe, "key": chloe}]
    )
    clear, hidden = evidence_of(campaign, "noel"), evidence_of(campaign, "noel", hides=True)
    assert [one["key"] for one in lines(clear, layout.RECIPIENTS)] == ["C-7", chloe]
    assert lines(hidden, layout.RECIPIENTS)[0]["key"] == "C-7"
    assert chloe.encode() not in members(hidden)[layout.RECIPIENTS]
    assert verified(clear).problems == verified(hidden).problems == ()
    assert all("key" not in one for one in lines(evidence_of(campaign), layout.RECIPIENTS))


def test_erasing_a_person_leaves_counts_and_sums(campaign: Bench) -> None:
    campaign.pass_by(days=4)  # its reports have come, or are given up
    before = verified(evidence_of(campaign))
    campaign.dispatcher.persons.erase("+33639980002", reason="asked")
    data = evidence_of(campaign)
    after = verified(data)
    assert after.problems == before.problems == ()
    assert after.sums == before.sums
    recipients = [one["recipient"] for one in lines(data, layout.RECIPIENTS)]
    assert "+33639980002" not in recipients
    assert sum(one.startswith("person-") for one in recipients) == 1


def test_evidence_before_and_after_an_erasure_differs_in_the_persons_name_alone(
    campaign: Bench,
) -> None:
    """Row by row: every person's outcome, every batch, attempt and document, and the manifest."""
    bruno = "+33639980002"
    campaign.pass_by(days=4)
    before = evidence_of(campaign)
    campaign.dispatcher.persons.erase(bruno, reason="asked")
    after = evidence_of(campaign)

    [pseudonym] = [
        one["recipient"]
        for one in lines(after, layout.RECIPIENTS)
        if is_pseudonym(one["recipient"])
    ]
    assert bruno.encode() not in b"".join(members(after).values())
    for name in (one for one in layout.MEMBERS if one.endswith((".jsonl", ".json"))):
        expected = members(before)[name].decode().replace(bruno, pseudonym)
        assert members(after)[name].decode() == expected, name
    facts = [json.loads(members(one)[layout.MANIFEST]) for one in (before, after)]
    for one in facts:
        del one["members"]  # their hashes
    assert facts[0] == facts[1]
    assert dataclasses.asdict(verified(before)) == dataclasses.asdict(verified(after))


def test_consents_of_a_batch_are_in_its_evidence(campaign: Bench) -> None:
    given = [["2026-01-03", "shop of Lyon", "v2"], None, *3 * [["2026-01-04", "web", "v3"]]]
    with campaign.dispatcher.database.write() as session:
        session.add(BatchConsent(batch_id=1, consents=json.dumps(given)))
        session.execute(update(Campaign).values(consent="ask"))
    data = evidence_of(campaign)
    first, *others = lines(data, layout.CONSENTS)
    assert first == {
        "batch": 1,
        "position": 0,
        "at": "2026-01-03",
        "source": "shop of Lyon",
        "wording": "v2",
    }
    assert [one["position"] for one in others] == [2, 3, 4]
    assert (verified(data).problems, verified(data).remarks) == ((), ())
    assert b"shop of Lyon" in members(data)[layout.PAGES["fr"]]
    lost = changed(data, layout.CONSENTS, lambda rows: rows.pop())
    assert verified(lost).remarks == ("batch 1: 1 texted people have no consent here",)
    twice = changed(data, layout.CONSENTS, lambda rows: rows.append(rows[-1]))
    assert "a consent of nobody, or two of somebody" in verified(twice).problems[0]


def test_export_of_evidence_goes_on_record(campaign: Bench) -> None:
    evidence_of(campaign)
    [entry] = campaign.actions("export")
    assert "the evidence of campaign" in entry.reason


def test_evidence_of_an_unknown_campaign_is_refused(campaign: Bench) -> None:
    with pytest.raises(NotFound):
        evidence_of(campaign, "autre")
    assert campaign.actions("export") == []


def test_server_without_a_signing_key_writes_no_evidence(postgres_tables: Database) -> None:
    empty(postgres_tables)
    with opened(postgres_tables) as bench:
        bench.submit(2)
        with pytest.raises(ConfigurationError, match="DISPATCHER_SIGNING_KEY is not set"):
            evidence_of(bench)


def test_file_of_the_signing_key_is_made_beside_sqlite(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'own.db'}")
    try:
        with opened(database) as bench:
            bench.dispatcher.prepare()
            bench.submit(2)
            bench.dispatcher.evidence("soldes", tmp_path / "one.zip")
            key = bench.dispatcher.evidence_writer.key.fingerprint
    finally:
        database.close()
    file = tmp_path / "own.db-signing-key"
    assert file.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "one.zip").stat().st_mode & 0o777 == 0o600
    with (tmp_path / "one.zip").open("rb") as stream:
        assert verify(stream, key=key).problems == ()


# -- what is wrong


def changed(data: bytes, name: str, change: Callable[[list[dict[str, Any]]], object]) -> bytes:
    """The evidence with other rows in one member, signed with another key."""
    rows = lines(data, name)
    change(rows)
    stem = name.partition(".")[0]
    written = (json.dumps(row, separators=(",", ":"), ensure_ascii=False) for row in rows)
    return signed_anew(data, **{stem: "".join(f"{line}\n" for line in written)})


def test_evidence_signed_anew_is_named_when_the_key_is_known(campaign: Bench) -> None:
    data = signed_anew(evidence_of(campaign))
    assert verified(data).problems == ()  # nobody can tell without the key
    [problem] = verified(data, campaign.dispatcher.evidence_writer.key.fingerprint).problems
    assert "signed by another key" in problem


@pytest.mark.parametrize(
    ("name", "change", "says"),
    [
        (layout.RECIPIENTS, lambda rows: rows.pop(), "not each of its 5 recipients once"),
        (layout.RECIPIENTS, lambda rows: rows[0].update(state="delivered"), "recipients are"),
        (layout.RECIPIENTS, lambda rows: rows[0].update(batch=9), "rows of no batch"),
        (layout.OPT_OUTS, lambda rows: rows.clear(), "not each of its 1 opt-outs once"),
        (layout.ATTEMPTS, lambda rows: rows.clear(), "not each of its 1 attempts once"),
        (layout.ATTEMPTS, lambda rows: rows[0].update(outcome="refused"), "sum of outcomes"),
        (
            layout.ATTEMPTS,
            lambda rows: rows[0].update(armed_at="2026-11-29T10:00:00+00:00"),
            "the window of metropole is closed (Sunday)",
        ),
        (
            layout.ATTEMPTS,
            lambda rows: rows[0].update(covers="0,3-4"),
            "batch 1: no attempt carried the texted at 2",
        ),
        (layout.ATTEMPTS, lambda rows: rows[0].update(texts_nobody=True), "no attempt carried"),
        (layout.ATTEMPTS, lambda rows: rows[0].update(covers="0-9"), "not what the format says"),
        (layout.BATCHES, lambda rows: rows[0].update(segments=99), "sum of segments is 99"),
        (layout.BATCHES, lambda rows: rows[0].update(cost="9.0000"), "sum of cost is 9.0000"),
        (layout.BATCHES, lambda rows: rows[0]["window"].update(rule="any"), "is no rule"),
        (layout.BATCHES, lambda rows: rows.pop(), "sum of batches is 0"),
        (layout.BATCHES, lambda rows: rows[0].update(states=7), "not what the format says"),
        (layout.RECORD, lambda rows: rows[0].update(actor="nobody"), "not the one that was sealed"),
        (layout.RECORD, lambda rows: rows.clear(), "sum of entries is 0"),
    ],
)
def test_content_that_contradicts_itself_is_named_whoever_signed_it(
    campaign: Bench, name: str, change: Callable[[list[dict[str, Any]]], object], says: str
) -> None:
    problems = verified(changed(evidence_of(campaign), name, change)).problems
    assert says in " ".join(problems)


def test_batch_that_waits_for_monday_is_held_until_its_window_opens(tables: Database) -> None:
    with opened(tables, signing_key=_SECRET, at=OPEN + timedelta(days=5)) as bench:  # a Sunday
        bench.submit(3)
        [batch] = lines(evidence_of(bench), layout.BATCHES)
        assert batch["window"]["why"] == "Sunday"
        assert batch["window"]["opens"] == "2026-11-30T07:00:00+00:00"
        assert verified(evidence_of(bench)).problems == ()


def test_batch_for_the_gateway_to_hold_is_verified_by_its_hour(tables: Database) -> None:
    with opened(tables, signing_key=_SECRET, at=OPEN + timedelta(hours=13)) as bench:  # at night
        bench.submit(2, not_before=OPEN + timedelta(days=2), hand_over=True)
        data = evidence_of(bench)
        bench.work()
        later = evidence_of(bench)
    for one in (data, later):
        [batch] = lines(one, layout.BATCHES)
        assert batch["window"]["opens"] == (OPEN + timedelta(days=2)).isoformat()
        assert verified(one).problems == ()
    [attempt] = lines(later, layout.ATTEMPTS)
    assert attempt["leaves_at"] == (OPEN + timedelta(days=2)).isoformat()


def test_recalled_attempt_need_not_fit_the_rule_that_came_later(tables: Database) -> None:
    hour = OPEN + timedelta(days=1)
    with opened(tables, signing_key=_SECRET) as bench:
        bench.submit(2, not_before=hour, hand_over=True)
        bench.work()
    strict = {"window_opens": "11:00"}
    with opened(
        tables, signing_key=_SECRET, gateway=bench.gateway, clock=bench.clock, **strict
    ) as b:
        b.pass_by(minutes=1)
        b.pass_by(minutes=1)
        data = evidence_of(b)
    [attempt] = lines(data, layout.ATTEMPTS)
    assert attempt["outcome"] == "recalled"
    assert verified(data).problems == ()


def test_campaign_that_is_not_commercial_says_so_and_has_no_window(tables: Database) -> None:
    with opened(tables, signing_key=_SECRET) as bench:
        bench.submit(3, commercial=False, reason="notice")
        bench.work()
        data = evidence_of(bench)
        document: Mapping[str, Any] = json.loads(members(data)[layout.CAMPAIGN])
        assert document["commercial"] is False
        assert document["submitted"]["reason"] == "not commercial: notice"
        assert verified(data).problems == ()


def test_costs_are_summed_to_the_ten_thousandth(tables: Database) -> None:
    with opened(tables, signing_key=_SECRET) as bench:
        bench.submit(3)
        bench.work()
        found = verified(evidence_of(bench))
        assert Decimal(found.sums["cost"]) == sum(one.cost for one in bench.batches())


@pytest.mark.parametrize(
    ("options", "written", "english", "french"),
    [
        ({"per_hour": 120}, {"per_hour": 120}, "120 messages an hour", "120 messages par heure"),
        (
            {"over": timedelta(hours=6)},
            {"over_seconds": 21_600},
            "over 6 h of opening hours",
            "sur 6 h d",
        ),
    ],
)
def test_evidence_says_how_a_campaign_was_smoothed(
    campaign: Bench, options: dict[str, Any], written: dict[str, int], english: str, french: str
) -> None:
    campaign.submit(5, "evenly", start=10, **options)
    data = evidence_of(campaign, "evenly")
    document = json.loads(members(data)[layout.CAMPAIGN])
    assert {"per_hour", "over_seconds"} & document.keys() == written.keys()
    assert document.items() >= written.items()
    for language, says in (("en", english), ("fr", french)):
        assert says in members(data)[layout.PAGES[language]].decode()
    assert verified(data).problems == ()

"""Campaign tags in the database: stored once, shown, found by, and in the evidence."""

from __future__ import annotations

import io
import json
import zipfile

import pytest
from sqlalchemy import func, select

from dispatcher import InvalidCampaign, ReferenceTaken
from dispatcher.storage.database import Database
from dispatcher.storage.tables import Campaign, CampaignTag
from tests.integration.bench import TEXT, Bench, opened, people

_SECRET = "a signing key of the tests, 32 characters"


def listed(bench: Bench, *tags: str) -> list[str]:
    return [one.reference for one in bench.dispatcher.campaigns(tag=tags)]


def rows(bench: Bench) -> int:
    with bench.dispatcher.database.read() as session:
        return session.scalar(select(func.count()).select_from(CampaignTag)) or 0


def test_tags_are_shown_with_the_campaign_wherever_it_is_shown(bench: Bench) -> None:
    bench.submit(2, tags=["Shop-Lyon", "sale"])
    assert bench.progress().tags == ("sale", "shop-lyon")
    assert bench.progress().as_json()["tags"] == ["sale", "shop-lyon"]
    assert bench.dispatcher.campaign("soldes").tags == ("sale", "shop-lyon")
    assert bench.dispatcher.campaigns()[0].tags == ("sale", "shop-lyon")


def test_lists_are_filtered_by_one_tag_or_any_of_several(bench: Bench) -> None:
    bench.submit(1, "a", tags=["lyon"])
    bench.submit(1, "b", start=1, tags=["lyon", "sale"])
    bench.submit(1, "c", start=2, tags=["nice"])
    bench.submit(1, "d", start=3)
    assert listed(bench, "lyon") == ["b", "a"]
    assert listed(bench, "SALE") == ["b"]
    assert listed(bench, "sale", "nice") == ["c", "b"]
    assert listed(bench, "paris") == []
    assert listed(bench) == ["d", "c", "b", "a"]
    page = bench.dispatcher.page(1, 1, tag="lyon")
    assert ([one.reference for one in page], page.total) == (["a"], 2)


def test_same_campaign_with_other_tags_keeps_the_first_ones_and_says_so(bench: Bench) -> None:
    first = bench.dispatcher.submit("soldes", TEXT, people(2), tags=["lyon"])
    again = bench.dispatcher.submit("soldes", TEXT, people(2), tags=["nice"])
    same = bench.dispatcher.submit("soldes", TEXT, people(2), tags=["LYON"])
    assert first == again == same
    says = "the campaign was submitted before, and keeps its tags: lyon"
    assert says in again.warnings
    assert says not in same.warnings
    assert bench.progress().tags == ("lyon",)
    bench.dispatcher.submit("plain", TEXT, people(2, 5))
    more = bench.dispatcher.submit("plain", TEXT, people(2, 5), tags=["nice"])
    assert "the campaign was submitted before without a tag, and stays so" in more.warnings
    with pytest.raises(ReferenceTaken):
        bench.dispatcher.submit("soldes", TEXT, people(3), tags=["lyon"])


def test_bad_tag_stores_nothing(bench: Bench) -> None:
    with pytest.raises(InvalidCampaign, match="a campaign tag has 1 to 50"):
        bench.submit(2, tags=["shop lyon"])
    with bench.dispatcher.database.read() as session:
        assert session.scalar(select(func.count()).select_from(Campaign)) == 0
    assert rows(bench) == 0


def test_refused_list_leaves_no_tag(bench: Bench) -> None:
    with pytest.raises(InvalidCampaign):
        bench.dispatcher.submit("soldes", TEXT, [*people(2), "0"], tags=["lyon"], strict=True)
    assert rows(bench) == 0


def test_plan_takes_the_tags_that_submit_takes(bench: Bench) -> None:
    plain = bench.dispatcher.plan(TEXT, people(2))
    assert bench.dispatcher.plan(TEXT, people(2), tags=["lyon"]).fingerprint == plain.fingerprint


def test_draft_hands_its_tags_to_the_campaign(bench: Bench) -> None:
    drafts = bench.dispatcher.drafts
    draft = drafts.create("soldes", TEXT, tags=["Shop-Lyon", "sale"])
    assert draft.options["tags"] in (("sale", "shop-lyon"), ["sale", "shop-lyon"])
    draft = drafts.set_list("soldes", people(2), version=draft.version)
    planned, _ = drafts.plan("soldes", version=draft.version)
    drafts.submit("soldes", version=planned.version)
    assert bench.progress().tags == ("sale", "shop-lyon")
    assert "tags" not in drafts.create("plain", TEXT, tags=[]).options
    with pytest.raises(InvalidCampaign, match="a campaign tag has"):
        drafts.create("bad", TEXT, tags=["a b"])


def test_evidence_names_the_tags(tables: Database) -> None:
    with opened(tables, signing_key=_SECRET) as bench:
        bench.submit(2, tags=["Shop-Lyon", "sale"])
        stream = io.BytesIO()
        bench.dispatcher.evidence_writer.write("soldes", stream)
    with zipfile.ZipFile(stream) as file:
        campaign = json.loads(file.read("campaign.json"))
        assert campaign["tags"] == ["sale", "shop-lyon"]
        for page in ("evidence.fr.html", "evidence.en.html"):
            assert "sale, shop-lyon" in file.read(page).decode()

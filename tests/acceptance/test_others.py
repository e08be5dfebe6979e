"""Overlapping lists that are submitted at the same moment, real workers, and one of them is killed.

``OVERLAP_PAIRS=17`` in the environment makes it two times 102,000 people with 51,000 in common, in
17 pairs of campaigns: the block of numbers that belongs to nobody has 10,000.
"""

from __future__ import annotations

import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import select, text

from dispatcher import InvalidCampaign
from dispatcher.storage.tables import ATTEMPT, BATCH
from tests.acceptance.installation import Installation, people

PAIRS = int(os.environ.get("OVERLAP_PAIRS", "1"))
#: people of one list; half of them are in the other list of the pair, too
SIZE = 6_000 if "OVERLAP_PAIRS" in os.environ else 2_000
COMMON = SIZE // 2


@pytest.mark.timeout(240 + 60 * PAIRS)
def test_people_of_two_lists_are_texted_by_one_of_them(
    tmp_path: Path, module_database_url: str
) -> None:
    pairs = [(f"lyon {number}", f"france {number}") for number in range(PAIRS)]
    with Installation(tmp_path, module_database_url, rate=200) as site:
        site.ticks()
        lost, _ = site.worker("lost"), site.worker("other")
        with ThreadPoolExecutor(4) as pool:
            entered = [
                done
                for first, second in pairs
                for done in (
                    pool.submit(site.submit, first, people(SIZE)),
                    pool.submit(submit_after, site, first, second),
                )
            ]
            site.wait(lambda: len(site.gateway.entries()) > 1, "the first calls")
            lost.kill()
            for done in entered:
                done.result()
        site.worker("next")
        site.let_leases_end()
        for name in (name for pair in pairs for name in pair):
            site.wait(partial(all_left, site, name), f"{name} to leave")

        texted = ledger(site)
        for first, second in pairs:
            assert texted[first] & texted[second] == set(), "texted by both campaigns"
            gone = set(people(SIZE + COMMON)) - texted[first] - texted[second]
            assert gone <= in_doubt(site), "texted by neither, and in no doubt"
            progress = site.progress(second)
            assert progress.messages["left_out"] == progress.left_out_by[first] == COMMON
        site.check()


def submit_after(site: Installation, first: str, second: str) -> None:
    """Submit the second list as soon as the first one is stored, whoever sends that already."""
    while True:
        try:
            site.submit(second, people(SIZE, COMMON), except_campaign=first)
        except InvalidCampaign as error:
            if "there is no such campaign" not in str(error):
                raise
        else:
            return


def all_left(site: Installation, name: str) -> bool:
    messages = site.progress(name).messages
    with site.dispatcher.database.read() as session:
        sending = session.scalar(select(BATCH.c.id).where(BATCH.c.state == "sending").limit(1))
    return not messages["pending"] and sending is None


def ledger(site: Installation) -> dict[str, set[str]]:
    """Whom the gateway has texted for each campaign; nobody twice."""
    campaigns = {one.id: one.reference for one in site.dispatcher.campaigns(1000)}
    with site.dispatcher.database.read() as session:
        rows = session.execute(
            select(ATTEMPT.c.tag, BATCH.c.campaign_id).join_from(
                ATTEMPT, BATCH, BATCH.c.id == ATTEMPT.c.batch_id
            )
        )
        of_tag = {tag: campaigns[campaign] for tag, campaign in rows}
    found = Counter(
        (of_tag[entry.tag], sms.phone) for entry in site.gateway.entries() for sms in entry.texts
    )
    assert max(found.values()) == 1
    texted: dict[str, set[str]] = {name: set() for name in campaigns.values()}
    for name, phone in found:
        texted[name].add(phone)
    return texted


def in_doubt(site: Installation) -> set[str]:
    with site.dispatcher.database.read() as session:
        query = "SELECT phone FROM dispatcher_message WHERE state = 'in_doubt'"
        return set(session.scalars(text(query)))

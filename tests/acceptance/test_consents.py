"""Real workers ask a real application for consents, while people withdraw them.

``CONSENT_CAMPAIGNS=10`` in the environment makes it 100,000 people instead of 20,000.
"""

from __future__ import annotations

import os
import random
from contextlib import closing
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import select

from dispatcher.recipients import Recipient
from dispatcher.storage import consents
from dispatcher.storage.tables import ATTEMPT, BATCH
from tests.acceptance.consenting_shop import FOLDER, Shop
from tests.acceptance.installation import Installation, people

NAME = "tests.acceptance.consenting_shop:consents"
#: each of 10,000 people
CAMPAIGNS = [f"soldes {number}" for number in range(int(os.environ.get("CONSENT_CAMPAIGNS", "2")))]
#: an answer is no older when a batch is armed
MINUTE = timedelta(minutes=1)


@pytest.mark.timeout(150 * len(CAMPAIGNS))
def test_nobody_who_withdrew_before_a_batch_was_gathered_is_texted(
    tmp_path: Path, module_database_url: str
) -> None:
    """20,000 people; 500 withdraw, some before and most while batches are armed."""
    phones = people(10_000)
    keys = {(name, phone): f"{name}-{n}" for name in CAMPAIGNS for n, phone in enumerate(phones)}
    leaving = random.Random(5).sample(sorted(keys.values()), 500)
    with (
        closing(Shop(tmp_path, keys.values())) as shop,
        Installation(tmp_path, module_database_url, consent=NAME, rate=200) as site,
    ):
        for name in CAMPAIGNS:
            listed = [Recipient(phone, key=keys[name, phone]) for phone in phones]
            site.submit(name, listed, consent="ask")  # type: ignore[arg-type]
        for key in leaving[:100]:
            shop.withdraw(key)
        site.ticks()
        for name in ("first", "second"):
            site.worker(name, **{FOLDER: str(tmp_path)})
        calls = 0
        for at in range(100, 500, 10):
            site.wait(partial(asked_more, shop, site, calls), "the shop to be asked")
            calls = len(shop.asked())
            for key in leaving[at : at + 10]:
                shop.withdraw(key)
        for name in CAMPAIGNS:
            site.wait(partial(is_sent, site, name), f"{name} to be sent")

        campaign_of = {tag: name for name, tags in tags_of(site).items() for tag in tags}
        texted = {
            keys[campaign_of[entry.tag], sms.phone]: entry.at
            for entry in site.gateway.entries()
            for sms in entry.texts
        }
        # two workers may ask for one batch: what it rests on is the answer of the one that armed it
        rested_on = answers_of(site)
        answers = shop.asked()
        known = {key: min(seen for seen, asked in answers if key in asked) for key in leaving}
        in_time = {key for key, number in shop.withdrawn.items() if number <= known[key]}
        assert len(shop.withdrawn) == 500
        assert in_time >= set(leaving[:100])
        assert not texted.keys() & in_time
        late = texted.keys() & shop.withdrawn.keys()
        ahead = timedelta(seconds=site.settings.clock_offset)
        after = [texted[key] - (shop.withdrawn_at[key] + ahead) for key in late]
        assert max(after, default=MINUTE) <= MINUTE, "a withdrawal was committed for too long"
        assert all(shop.withdrawn.get(key, 501) > rested_on[key] for key in texted)
        assert texted.keys() >= set(keys.values()) - shop.withdrawn.keys()
        sums = [site.progress(name).messages["withdrawn"] for name in CAMPAIGNS]
        assert sum(sums) == len(keys) - len(texted)
        site.check()


def asked_more(shop: Shop, site: Installation, calls: int) -> bool:
    return len(shop.asked()) >= calls + len(CAMPAIGNS) // 2 or over(site)


def over(site: Installation) -> bool:
    return all(is_sent(site, name) for name in CAMPAIGNS)


def is_sent(site: Installation, name: str) -> bool:
    return not site.progress(name).messages["pending"]


def answers_of(site: Installation) -> dict[str, int]:
    """Key -> the last withdrawal that was known to the answer on which the message rested."""
    found: dict[str, int] = {}
    with site.dispatcher.database.read() as session:
        for batch_id in session.scalars(select(BATCH.c.id)):
            key_at = consents.keys(session, batch_id)
            answers = consents.of_batch(session, batch_id)
            found |= {key_at[at]: int(one.wording or "") for at, one in answers.items()}
    return found


def tags_of(site: Installation) -> dict[str, set[str]]:
    """The tags of each campaign's attempts."""
    found: dict[str, set[str]] = {}
    ids = {site.progress(name).id: name for name in CAMPAIGNS}
    with site.dispatcher.database.read() as session:
        rows = session.execute(
            select(BATCH.c.campaign_id, ATTEMPT.c.tag).join_from(
                ATTEMPT, BATCH, BATCH.c.id == ATTEMPT.c.batch_id
            )
        )
        for campaign_id, tag in rows:
            found.setdefault(ids[campaign_id], set()).add(tag)
    return found


def test_worker_refuses_a_function_that_cannot_be_imported(
    tmp_path: Path, sqlite_url: str
) -> None:  # the database is not asked
    with Installation(tmp_path, sqlite_url) as site:
        worker = site.start(
            "worker",
            "celery",
            "-A",
            "workers",
            "worker",
            DISPATCHER_CONSENT="no_such_shop:consents",
        )
        site.wait(lambda: not worker.alive, "the worker to refuse")
        assert worker.process.returncode != 0
        assert worker.says("DISPATCHER_CONSENT: no_such_shop cannot be imported")

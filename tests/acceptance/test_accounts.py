"""Several accounts side by side with real workers: what happens to one does not affect another.

The tests share a site with an account for each of them: "plain" and "other" have no settings of
their own, and each of the rest has one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from dispatcher.gateway.smspartner.client import SmsPartner
from tests.acceptance.installation import OPEN, PATIENT, Installation, on_sqlite, people

BULK = "/v1/bulk-send"
#: characters of a key that the gateway's log of requests shows
SHOWN = 2
#: the accounts beside the default account, and the credit of each in euros
CREDIT = {"plain": 900, "other": 900, "wrong": 400, "doubted": 400, "slow": 400}
SETTINGS = {
    "sender_plain": "LaBoutique",
    "api_key_wrong": "0" * 40,
    "doubt_limit_doubted": 2,
    "rate_slow": 0.02,
    # calls that hang last longer than a test
    "connections": 2,
    **PATIENT,
}
#: they are on the gateway's stop list of these accounts before workers start
STOPPED = dict(zip(("", "plain", "other"), people(3, 9990), strict=True))


@contextmanager
def installation(
    directory: Path, database_url: str, credit: Mapping[str, int], **settings: Any
) -> Iterator[Installation]:
    """A site with accounts beside the default account, each with a credit in euros."""
    with Installation(directory, database_url, switches={"credit": 10_000}) as site:
        for name, euros in credit.items():
            site.gateway.set_account(new_key(name), credit=euros)
        own = {f"api_key_{name}": new_key(name) for name in credit}
        site.change(accounts=",".join(credit), **{**own, **settings})
        yield site


@pytest.fixture(scope="module")
def crew(
    module_database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    """A site with every account, a beat and two workers that go on from test to test."""
    directory = tmp_path_factory.mktemp("crew")
    with installation(directory, module_database_url, CREDIT, **SETTINGS) as site:
        for account, phone in STOPPED.items():
            assert client(site, account).stops.add(phone)
        site.worker("one")
        site.worker("two")
        site.beat()
        yield site


@pytest.fixture
def site(crew: Installation) -> Iterator[Installation]:
    with crew.lent():
        yield crew


def new_key(name: str) -> str:
    """A key that the gateway's log of requests can tell from the others by what it shows."""
    return name.ljust(40, "0")


def key_of(site: Installation, account: str) -> str:
    key = site.settings.of_account(account).api_key
    assert key is not None
    return key.get_secret_value()


def client(site: Installation, account: str) -> SmsPartner:
    return SmsPartner(site.gateway.url, key_of(site, account))


def requests(site: Installation, account: str, path: str = BULK) -> list[dict[str, Any]]:
    """The requests of the test that reached the gateway with the account's key."""
    mine = key_of(site, account)[:SHOWN]
    return [request for request in site.requests(path) if request["key"][:SHOWN] == mine]


def delivered(site: Installation, *references: str) -> None:
    """Wait until these campaigns are finished, and everybody has the text."""
    for reference in references:
        progress = site.wait_finished(reference)
        assert progress.messages["delivered"] == progress.recipients


def test_campaign_of_an_account_uses_its_key_and_its_sender(site: Installation) -> None:
    site.submit("of-default", people(1200))
    site.submit("of-plain", people(1700, 2000), account="plain")
    site.submit("of-other", people(700, 4000), account="other")
    delivered(site, "of-default", "of-plain", "of-other")
    site.check()
    # one account cannot ask the gateway about what another has sent
    assert [len(requests(site, name)) for name in ("", "plain", "other")] == [3, 4, 2]
    for name, start, size in (("", 0, 1200), ("plain", 2000, 1700), ("other", 4000, 700)):
        mine = {request["number"] for request in requests(site, name)}
        texted = [
            text.phone
            for entry in site.gateway.entries()
            if entry.request in mine
            for text in entry.texts
        ]
        assert sorted(texted) == people(size, start)
        assert requests(site, name, "/v1/multi-status")
    of_plain = set(people(1700, 2000))
    entries = site.gateway.entries()
    senders = {entry.sender for entry in entries if entry.texts[0].phone in of_plain}
    assert senders == {"LaBoutique"}


def test_handed_over_campaign_is_recalled_with_the_key_of_its_account(site: Installation) -> None:
    names = ("", "plain", "other")
    for number, name in enumerate(names):
        site.submit(
            f"of-{name}",
            people(501, 1000 * number),
            account=name,
            not_before=OPEN + timedelta(hours=2),
            hand_over=True,
        )
    site.wait(
        lambda: all(batch.state == "handed_over" for batch in site.batches()), "the hand-over"
    )
    done = site.command("cancel", "of-plain", "--yes")
    assert done.returncode == 0, done.stderr
    site.wait(lambda: site.progress("of-plain").ended, "the gateway to give it back")
    assert site.progress("of-plain").messages["cancelled"] == 501
    # two batches, each asked for twice: only the second answer proves the first
    assert [len(requests(site, name, "/v1/message-cancel")) for name in names] == [0, 4, 0]
    for name in ("", "other"):
        assert site.progress(f"of-{name}").batches["handed_over"] == 2


def test_wrong_key_pauses_the_campaigns_of_its_account_only(site: Installation) -> None:
    site.submit("of-wrong", people(1200), account="wrong")
    site.submit("of-other", people(1200, 2000), account="other")
    delivered(site, "of-other")
    site.wait(lambda: site.progress("of-wrong").state == "paused", "the campaign to pause")
    assert site.progress("of-wrong").messages["pending"] == 1200
    site.check()
    assert not set(site.gateway.texted()) & set(people(1200))
    doctor = site.command("doctor", "--only", "gateway")
    assert "✗ gateway wrong:" in doctor.stdout
    assert "correct DISPATCHER_API_KEY_WRONG" in doctor.stdout
    assert re.search(r"✓ gateway other: http://\S+: the key is good", doctor.stdout)


def test_account_without_credit_pauses_its_campaigns_only(
    tmp_path: Path, database_url: str
) -> None:
    credit = {"poor": 20, "other": 100}
    prices = {"credit_check": "pause", "credit_every": 5, "prices": "metropole=0.045"}
    with installation(tmp_path, database_url, credit, **prices) as site:
        site.gateway.configure(price=0.045)
        site.worker()
        site.beat()
        site.submit("of-poor", people(1000), account="poor")
        site.submit("of-other", people(1000, 2000), account="other")
        delivered(site, "of-other")
        site.wait(lambda: site.progress("of-poor").state == "paused", "the campaign to pause")
        assert site.progress("of-poor").why == "paused: no credit: 25.00 € are missing"
        site.gateway.set_account(new_key("poor"), credit=50)
        site.command("resume", "of-poor")
        delivered(site, "of-poor")
        site.check()
        view = site.dispatcher.for_account
        assert view("poor").spent(timedelta(days=1)) == (Decimal(45), Decimal(45))
        assert [one.reference for one in view("other").campaigns()] == ["of-other"]


def test_account_at_its_limit_of_doubts_blocks_no_other(site: Installation) -> None:
    # the gateway takes neither: nothing ever shows under their tags
    site.gateway.fault("status", BULK, status=500, processed=False, times=2)
    site.submit("of-doubted", people(1000), account="doubted")
    site.wait(lambda: site.progress("of-doubted").in_doubt == 2, "two doubts")
    site.submit("blocked", people(1000, 2000), account="doubted")
    site.submit("of-other", people(1200, 4000), account="other")
    site.submit("of-default", people(600, 6000))
    delivered(site, "of-other", "of-default")
    progress = site.progress("blocked")
    assert progress.messages["pending"] == 1000
    assert progress.why.startswith("too many batches in doubt")
    for doubt in site.dispatcher.for_account("doubted").doubts():
        site.dispatcher.resend(doubt.batch_id, reason="the gateway shows nothing")
    delivered(site, "of-doubted", "blocked")
    site.check()


@on_sqlite
def test_account_whose_calls_hang_leaves_another_its_connections(site: Installation) -> None:
    site.gateway.fault("hang", BULK, processed="after", times=4)
    site.submit("of-plain", people(3000), account="plain")
    site.wait_held(4)  # as many as two workers may have under way
    site.submit("of-other", people(3000, 4000), account="other")
    delivered(site, "of-other")
    assert site.gateway.held() == 4
    assert site.progress("of-plain").messages["pending"] == 3000
    site.gateway.release()
    delivered(site, "of-plain")
    site.check()


@on_sqlite
def test_slow_rate_of_one_account_does_not_slow_another(site: Installation) -> None:
    site.submit("of-slow", people(2000), account="slow")
    site.submit("of-other", people(5000, 4990), account="other")
    delivered(site, "of-other")
    assert len(requests(site, "other")) == 10
    # one request in 50 seconds
    assert site.progress("of-slow").messages["pending"]
    site.dispatcher.cancel("of-slow")
    site.check()


@on_sqlite
def test_stop_list_of_every_account_is_read(site: Installation) -> None:
    phones = set(STOPPED.values())
    site.wait(
        lambda: phones <= {entry.phone for entry in site.dispatcher.opt_outs},
        "the three lists to be read",
    )
    site.submit("of-other", [*phones, *people(1)], account="other")
    progress = site.wait_finished("of-other")
    assert (progress.messages["opted_out"], progress.messages["delivered"]) == (3, 1)
    assert site.gateway.texted() == {people(1)[0]: 1}


def test_worker_killed_in_calls_of_both_accounts_texts_nobody_twice(
    tmp_path: Path, database_url: str
) -> None:
    credit = {"shop": 400, "news": 400}
    with installation(tmp_path, database_url, credit, connections=2) as site:
        site.beat()
        lost = site.worker("lost")
        site.gateway.hold(BULK)
        site.submit("of-shop", people(1500), account="shop")
        site.submit("of-news", people(1500, 3000), account="news")
        site.wait_held(4)
        lost.kill()
        site.gateway.release()  # the gateway takes them after the worker is gone
        site.let_leases_end()
        site.worker("another")
        delivered(site, "of-shop", "of-news")
        site.check()
        assert [len(requests(site, name)) for name in ("shop", "news")] == [3, 3]

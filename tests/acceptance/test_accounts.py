"""Two accounts side by side with real workers: what befalls one is no affair of the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from dispatcher.gateway.smspartner.client import SmsPartner
from tests.acceptance.installation import OPEN, Installation, people

BULK = "/v1/bulk-send"
#: characters of a key that the gateway's request log shows
SHOWN = 2


@contextmanager
def two(
    directory: Path, database_url: str, *, credit: Sequence[int] = (400, 400), **settings: Any
) -> Iterator[Installation]:
    """A site with the accounts shop and news under the one of DISPATCHER_API_KEY.

    ``credit`` is what each has in euros; settings may say what each has of its own.
    """
    with Installation(directory, database_url, switches={"credit": 1000}) as site:
        keys = [key_of(name) for name in ("shop", "news")]
        for key, euros in zip(keys, credit, strict=True):
            site.gateway.set_account(key, credit=euros)
        own = dict(zip(("api_key_shop", "api_key_news"), keys, strict=True))
        site.change(accounts="shop,news", **{**own, **settings})
        yield site


def key_of(name: str) -> str:
    """A key that the gateway's request log can tell from the others by its first characters."""
    return name.ljust(40, "0")


def client(site: Installation, account: str) -> SmsPartner:
    key = site.settings.of_account(account).api_key
    assert key is not None
    return SmsPartner(site.gateway.url, key.get_secret_value())


def requests(site: Installation, account: str, path: str = BULK) -> list[dict[str, Any]]:
    """Those that reached the gateway with the account's key."""
    key = site.settings.of_account(account).api_key
    assert key is not None
    mine = key.get_secret_value()[:SHOWN]
    return [one for one in site.gateway.requests(path) if one["key"][:SHOWN] == mine]


def delivered(site: Installation, *references: str) -> None:
    """Wait until these campaigns are finished, everybody texted."""
    for reference in references:
        progress = site.wait_finished(reference)
        assert progress.messages["delivered"] == progress.recipients


def test_each_campaign_leaves_and_is_followed_through_its_own_account(
    tmp_path: Path, database_url: str
) -> None:
    with two(tmp_path, database_url, sender_shop="LaBoutique") as site:
        site.worker("one")
        site.worker("two")
        site.beat()
        site.submit("unnamed", people(1200))
        site.submit("of-shop", people(1700, 2000), account="shop")
        site.submit("of-news", people(700, 4000), account="news")
        delivered(site, "unnamed", "of-shop", "of-news")
        site.check()
        # who was asked with which key: what one has sent, another knows nothing of
        assert [len(requests(site, name)) for name in ("", "shop", "news")] == [3, 4, 2]
        for name, start, count in (("", 0, 1200), ("shop", 2000, 1700), ("news", 4000, 700)):
            mine = {request["number"] for request in requests(site, name)}
            texted = [
                text.phone
                for entry in site.gateway.entries()
                if entry.request in mine
                for text in entry.texts
            ]
            assert sorted(texted) == people(count, start)
            assert requests(site, name, "/v1/multi-status")
        senders = {entry.sender for entry in site.gateway.entries() if entry.texts[0].phone in
                   people(1700, 2000)}  # fmt: skip
        assert senders == {"LaBoutique"}


def test_what_the_gateway_holds_is_asked_back_with_the_key_that_handed_it_over(
    tmp_path: Path, database_url: str
) -> None:
    names = ("", "shop", "news")
    with two(tmp_path, database_url) as site:
        site.worker()
        site.beat()
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
        said = site.command("cancel", "of-shop", "--yes")
        assert said.returncode == 0, said.stderr
        site.wait(lambda: site.progress("of-shop").ended, "the gateway to give it back")
        assert site.progress("of-shop").messages["cancelled"] == 501
        assert [len(requests(site, name, "/v1/message-cancel")) for name in names] == [0, 2, 0]
        for name in ("", "news"):
            assert site.progress(f"of-{name}").batches["handed_over"] == 2


def test_a_wrong_key_pauses_the_campaigns_of_its_account_alone(
    tmp_path: Path, database_url: str
) -> None:
    with two(tmp_path, database_url, api_key_shop="0" * 40) as site:
        site.worker()
        site.beat()
        site.submit("of-shop", people(1200), account="shop")
        site.submit("of-news", people(1200, 2000), account="news")
        delivered(site, "of-news")
        site.wait(lambda: site.progress("of-shop").state == "paused", "the other one to pause")
        assert site.progress("of-shop").messages["pending"] == 1200
        site.check()
        assert not set(site.gateway.texted()) & set(people(1200))
        told = site.command("doctor", "--only", "gateway")
        assert "✗ gateway shop:" in told.stdout
        assert "correct DISPATCHER_API_KEY_SHOP" in told.stdout
        assert "✓ gateway news: the key is good" in told.stdout


def test_want_of_credit_is_one_accounts_affair(tmp_path: Path, database_url: str) -> None:
    more = {"credit_check": "pause", "credit_every": 5, "prices": "metropole=0.045"}
    with two(tmp_path, database_url, credit=(20, 100), **more) as site:
        site.gateway.configure(price=0.045)
        site.worker()
        site.beat()
        site.submit("of-shop", people(1000), account="shop")
        site.submit("of-news", people(1000, 2000), account="news")
        delivered(site, "of-news")
        site.wait(lambda: site.progress("of-shop").state == "paused", "the other one to pause")
        assert site.progress("of-shop").why == "paused: no credit: 25.00 € are missing"
        site.gateway.set_account(key_of("shop"), credit=50)
        site.command("resume", "of-shop")
        delivered(site, "of-shop")
        site.check()
        view = site.dispatcher.for_account
        assert view("shop").spent(timedelta(days=1)) == (Decimal(45), Decimal(45))
        assert [one.reference for one in view("news").campaigns()] == ["of-news"]


def test_an_account_with_its_doubts_at_the_limit_holds_up_no_other(
    tmp_path: Path, database_url: str
) -> None:
    with two(tmp_path, database_url, doubt_limit_shop=2) as site:
        site.worker()
        site.beat()
        # neither is taken: nothing ever shows under their tags
        site.gateway.fault("status", BULK, status=500, processed=False, times=2)
        site.submit("of-shop", people(1000), account="shop")
        site.wait(lambda: site.progress("of-shop").in_doubt == 2, "two doubts")
        site.submit("held", people(1000, 2000), account="shop")
        site.submit("of-news", people(1200, 4000), account="news")
        site.submit("unnamed", people(600, 6000))
        delivered(site, "of-news", "unnamed")
        progress = site.progress("held")
        assert progress.messages["pending"] == 1000
        assert progress.why.startswith("too many batches in doubt")
        for doubt in site.dispatcher.for_account("shop").doubts():
            site.dispatcher.resend(doubt.batch_id, reason="the gateway shows nothing")
        delivered(site, "of-shop", "held")
        site.check()


def test_a_gateway_that_hangs_for_one_account_leaves_the_other_its_connections(
    tmp_path: Path, sqlite_url: str
) -> None:
    with two(
        tmp_path, sqlite_url, connections=2, call_timeout=60, closing_guard=65, lease=90
    ) as site:
        site.worker()
        site.beat()
        site.gateway.fault("hang", BULK, processed="after", times=2)
        site.submit("of-shop", people(3000), account="shop")
        site.wait_held(2)  # as many as it may have under way
        site.submit("of-news", people(3000, 4000), account="news")
        delivered(site, "of-news")
        assert site.gateway.held() == 2
        assert site.progress("of-shop").messages["pending"] == 3000
        site.gateway.release()
        delivered(site, "of-shop")
        site.check()


def test_the_rate_of_one_account_does_not_slow_the_other(tmp_path: Path, sqlite_url: str) -> None:
    with two(tmp_path, sqlite_url, rate_shop=0.02) as site:
        site.worker("one")
        site.worker("two")
        site.beat()
        site.submit("of-shop", people(2000), account="shop")
        site.submit("of-news", people(5000, 5000), account="news")
        delivered(site, "of-news")
        assert len(requests(site, "news")) == 10
        # one in 50 seconds
        assert site.progress("of-shop").messages["pending"]
        site.dispatcher.cancel("of-shop")
        site.check()


def test_every_accounts_stop_list_is_read(tmp_path: Path, sqlite_url: str) -> None:
    anne, bruno, chloe, david = people(4)
    with two(tmp_path, sqlite_url) as site:
        for account, phone in (("", anne), ("shop", bruno), ("news", chloe)):
            assert client(site, account).stops.add(phone)
        site.worker()
        site.beat()
        site.wait(lambda: len([*site.dispatcher.opt_outs]) == 3, "the three lists to be read")
        site.submit("of-news", people(4), account="news")
        progress = site.wait_finished("of-news")
        assert (progress.messages["opted_out"], progress.messages["delivered"]) == (3, 1)
        assert site.gateway.texted() == {david: 1}


def test_a_worker_killed_with_requests_of_both_accounts_texts_nobody_twice(
    tmp_path: Path, database_url: str
) -> None:
    with two(tmp_path, database_url, connections=2) as site:
        site.beat()
        lost = site.worker("lost")
        site.gateway.hold(BULK)
        site.submit("of-shop", people(1500), account="shop")
        site.submit("of-news", people(1500, 3000), account="news")
        site.wait_held(4)
        lost.kill()
        site.gateway.release()  # which takes them, though nobody hears of it
        site.let_leases_end()
        site.worker("another")
        delivered(site, "of-shop", "of-news")
        site.check()
        assert [len(requests(site, name)) for name in ("shop", "news")] == [3, 3]

"""Credit, with real workers: no more is sent than the balance pays, until it is topped up."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.acceptance.installation import Installation, people

PRICES = "metropole=0.045"


@contextmanager
def short_of_money(directory: Path, database_url: str, check: str) -> Iterator[Installation]:
    """A site whose campaign of 3,000 people has paused, with a balance for 2,222 of them."""
    with Installation(
        directory, database_url, credit_check=check, credit_every=5, prices=PRICES
    ) as site:
        site.gateway.configure(price=0.045, credit=100)
        site.worker("one")
        site.worker("two")
        site.beat()
        site.submit("soldes", people(3000))
        site.wait(lambda: site.progress("soldes").state == "paused", "the campaign to pause")
        yield site


def test_campaign_beyond_the_balance_starts_after_a_top_up(
    tmp_path: Path, database_url: str
) -> None:
    with short_of_money(tmp_path, database_url, "pause") as site:
        assert site.progress("soldes").why == "paused: no credit: 35.00 € are missing"
        assert not site.gateway.texted()
        site.gateway.configure(credit=135)
        site.command("resume", "soldes")
        progress = site.wait_finished("soldes")
        assert progress.messages["delivered"] == 3000
        assert f"{progress.cost}" == f"{progress.planned}" == "135"
        site.check()


def test_capped_campaign_beyond_the_balance_stops_at_the_balance(
    tmp_path: Path, database_url: str
) -> None:
    with short_of_money(tmp_path, database_url, "cap") as site:
        # 22.50 € a batch
        assert site.progress("soldes").why.endswith("35.00 € are missing")
        assert len(site.gateway.texted()) == 2000
        assert "refused" not in site.outcomes()
        assert "blocked" not in site.outcomes()
        site.check()

"""The results of a campaign that real workers have sent agree with the gateway's own ledger."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

from dispatcher import Recipient
from tests.acceptance.installation import Installation, people


def test_results_agree_with_the_ledger_of_the_gateway(tmp_path: Path, database_url: str) -> None:
    with Installation(tmp_path, database_url) as site:
        site.worker()
        site.beat()
        everyone = people(1200)
        site.dispatcher.opt_out(everyone[7])
        listed = [Recipient(one, key=one[-6:]) for one in everyone]
        site.dispatcher.submit("soldes", "Soldes demain chez nous", listed)
        progress = site.wait_finished("soldes")
        written = site.command("results", "soldes", "--numbers", "--format", "jsonl")
        assert written.returncode == 0, written.stderr
        *rows, last = map(json.loads, written.stdout.splitlines())
        texted = {row["phone"] for row in rows if row["state"] == "delivered"}
        assert Counter(texted) == Counter(site.gateway.texted())
        assert all(row["key"] == row["phone"][-6:] for row in rows)
        assert [row["phone"] for row in rows if row["state"] == "opted_out"] == [everyone[7]]
        assert last["sums"]["messages"] == progress.messages
        site.check()

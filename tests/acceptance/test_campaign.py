from __future__ import annotations

from pathlib import Path

from tests.acceptance.installation import Installation, people


def test_campaign_of_five_thousand_ends_with_every_report(
    tmp_path: Path, database_url: str
) -> None:
    with Installation(tmp_path, database_url) as site:
        site.worker()
        site.beat()
        site.submit("soldes", people(5000))
        progress = site.wait_finished("soldes")
        assert progress.messages["delivered"] == 5000
        assert sum(site.gateway.texted().values()) == 5000
        site.check()

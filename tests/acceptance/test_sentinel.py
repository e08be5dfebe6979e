"""The master of Redis dies while a campaign is sent, and Sentinels name another."""

from __future__ import annotations

from pathlib import Path

from tests.acceptance.installation import Installation, people
from tests.sentinel_server import NoSentinelError, SentinelServers
from tests.servers import unavailable


def test_failover_while_a_campaign_is_sent_texts_nobody_twice(
    tmp_path: Path, sqlite_url: str
) -> None:
    try:
        servers = SentinelServers()
    except NoSentinelError as error:
        unavailable(str(error))
    with (
        servers,
        Installation(tmp_path, sqlite_url, rate=1, **servers.settings) as site,
    ):
        worker, beat = site.worker(), site.beat()
        site.submit("soldes", people(9990))
        site.wait(lambda: len(site.outcomes()) >= 3, "some batches to leave")

        servers.master.kill()
        before = len(site.outcomes())
        servers.wait(lambda: servers.named() == servers.replica.port, "a failover")

        assert before < 15
        assert site.wait_finished("soldes").messages["delivered"] == 9990
        # hints go through the new master: this campaign comes after the old one died
        site.submit("later", people(3, 9990))
        assert site.wait_finished("later").messages["delivered"] == 3
        assert worker.alive
        assert beat.alive
        site.check()

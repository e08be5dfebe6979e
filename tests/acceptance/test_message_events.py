"""Changes of messages from real workers, of which one is killed, to an address that is down."""

from __future__ import annotations

import json
import time
from pathlib import Path

from dispatcher.dispatch.events.signatures import verify
from tests.acceptance.installation import Installation, people
from tests.listener import Listener
from tests.message_log import check_log, check_numbers, check_states, read_all

SECRET = "q8Zr4-Tn0_Vb6Hs2Lk"
ORDER = ("in_doubt", "sent", "delivered")


def test_killed_worker_and_an_address_that_is_down_lose_no_change_and_keep_each_persons_order(
    tmp_path: Path, database_url: str
) -> None:
    listener = Listener()
    listener.answers = [503] * 3
    site = Installation(
        tmp_path,
        database_url,
        callback_url=listener.url,
        callback_secret=SECRET,
        message_events=True,
    )
    try:
        with site:
            site.dispatcher.tick()  # switches the log on
            site.gateway.hold(processed=True)
            lost = site.worker("lost")
            site.submit("soldes", people(30))
            site.dispatcher.tick()
            site.wait_held()
            lost.kill()
            site.gateway.release()
            site.let_leases_end()
            site.worker("other")
            site.ticks()
            site.submit("suite", people(20))
            site.wait_finished("soldes")
            site.wait_finished("suite")
            check_log(site.dispatcher.database)
            expected = len(read_all(site.dispatcher, 1000))
            found: dict[int, tuple[str, int, int, str]] = {}

            def all_posted() -> bool:
                for headers, body in listener.raw():
                    assert verify(SECRET, headers, body, now=time.time(), tolerance=10**9)
                    event = json.loads(body)
                    if event["type"] == "messages_changed":
                        for one in event["data"]["changes"]:
                            place = one["campaign"], one["batch"], one["position"]
                            found[one["number"]] = (*place, one["state"])
                return len(found) >= expected

            site.wait(all_posted, "every change to be posted")
            assert sorted(found) == list(range(1, expected + 1))
            ways: dict[tuple[str, int, int], list[str]] = {}
            for number in sorted(found):
                campaign, batch, position, state = found[number]
                ways.setdefault((campaign, batch, position), []).append(state)
            assert len(ways) == 30 + 20
            # the lookup that ends a doubt may bring the report, too
            soldes = {tuple(way) for place, way in ways.items() if place[0] == "soldes"}
            assert soldes <= {ORDER, (ORDER[0], ORDER[2])}
            suite = {tuple(way) for place, way in ways.items() if place[0] == "suite"}
            assert suite == {ORDER[1:]}
            check_states(site.dispatcher)
            check_numbers(site.dispatcher.database)
            shown = site.command("messages", "since", str(expected))
            assert (shown.returncode, shown.stdout) == (0, "")
            lines = site.command("messages", "since", "0", "--limit", "1000").stdout.splitlines()
            assert [json.loads(line)["number"] for line in lines] == sorted(found)
            site.check()
    finally:
        listener.close()

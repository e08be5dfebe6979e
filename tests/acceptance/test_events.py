"""Events from a real worker: to a callback whose address fails at first, and to receivers."""

from __future__ import annotations

import json
import time
from collections import Counter
from pathlib import Path

from dispatcher.dispatch.events.signatures import verify
from tests.acceptance.installation import ROOT, Installation, people
from tests.listener import Listener
from tests.waiting import PATIENCE

SECRET = "q8Zr4-Tn0_Vb6Hs2Lk"
MODULE = """
import json, pathlib
import dispatcher

def write(event):
    with pathlib.Path({path!r}).open("a") as file:
        file.write(json.dumps(event.as_json()) + "\\n")

for name in dispatcher.__all__:
    if hasattr(signal := getattr(dispatcher, name), "connect"):
        signal.connect(write)
"""


def test_worker_sends_events_to_receivers_and_to_an_address_that_recovers(
    tmp_path: Path, database_url: str
) -> None:
    received = tmp_path / "received.jsonl"
    (tmp_path / "shop_receivers.py").write_text(MODULE.format(path=str(received)))
    listener = Listener()
    listener.answers = [500]
    everyone = people(5)
    site = Installation(
        tmp_path,
        database_url,
        callback_url=listener.url,
        callback_secret=SECRET,
        receivers="shop_receivers",
        switches={"answers_stop": everyone[:1]},
    )
    try:
        with site:
            worker = site.worker(PYTHONPATH=f"{ROOT}:{tmp_path}")
            site.ticks()
            site.submit("soldes", everyone)
            site.dispatcher.pause("soldes")
            site.dispatcher.resume("soldes")
            site.wait_finished("soldes")
            expected = {"campaign_paused", "opt_out_added", "campaign_finished"}
            sent: dict[str, str] = {}

            def all_sent() -> bool:
                for headers, body in listener.raw():
                    assert verify(SECRET, headers, body, now=time.time(), tolerance=10**9)
                    sent[headers["webhook-id"]] = json.loads(body)["type"]
                return set(sent.values()) == expected

            site.wait(all_sent, "every event to be sent")
            lines = [json.loads(line) for line in received.read_text().splitlines()]
            assert Counter(line["type"] for line in lines) == Counter(expected)
            assert {line["id"]: line["type"] for line in lines} == sent
            finished = next(line for line in lines if line["type"] == "campaign_finished")
            assert finished["data"]["counts"] == {"delivered": 5}
            log = worker.log.read_text()
            assert "callback 1 failed: HTTP 500" in log
            for hidden in (SECRET, listener.url, *(phone[3:] for phone in everyone)):
                assert hidden not in log
            site.check()
    finally:
        listener.close()


def test_worker_does_not_start_without_its_receivers(tmp_path: Path, sqlite_url: str) -> None:
    with Installation(tmp_path, sqlite_url, receivers="shop_receivers") as site:
        worker = site.start("worker", "celery", "-A", "workers", "worker", "--without-mingle")
        assert worker.process.wait(PATIENCE) == 1
        assert "DISPATCHER_RECEIVERS: shop_receivers cannot be imported" in worker.log.read_text()

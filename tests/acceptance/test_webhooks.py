"""The webhooks of the gateway with real processes: reports and replies without any poll."""

from __future__ import annotations

import json
from pathlib import Path

from tests.acceptance.installation import INSISTENT, Installation, people
from tests.ports import free_port

SECRET = "q8Zr4-Tn0_Vb6Hs2Lk"
OURS = "+33639989000"
LONG = "Le renard passe demain devant la boutique, est-elle ouverte ? " * 5


def test_doubled_shuffled_and_late_webhooks_are_counted_once(
    tmp_path: Path, database_url: str
) -> None:
    port = free_port()
    everyone = people(20)
    site = Installation(
        tmp_path,
        database_url,
        poll_intervals="86400",  # no poll is due
        webhook_url=f"http://127.0.0.1:{port}",
        webhook_secret=SECRET,
        switches={
            "delivery_seconds": (2, 2),
            "fates": {"07": "Not delivered"},
            "answers_stop": everyone[:1],
            "webhook_copies": 2,
            "webhook_shuffled": True,
            "webhook_late_waiting": True,
            **INSISTENT,
        },
    )
    with site:
        serving = site.start("webhooks", "dispatcher.cli", "webhooks", "--port", str(port))
        site.wait(lambda: serving.says("listening on"), "the webhooks to be served")
        worker = site.worker()
        site.ticks()
        site.submit("soldes", everyone)
        progress = site.wait_finished("soldes")
        assert {state: n for state, n in progress.messages.items() if n} == {
            "delivered": 19,
            "undelivered": 1,
        }
        base = f"http://127.0.0.1:{port}/{SECRET}/reply"
        site.gateway.reply(everyone[1], LONG, to=OURS, url=base)
        site.gateway.reply(everyone[2], "Oui", url=base)
        site.wait(lambda: len(site.gateway.webhooks("reply")) == 8, "every reply")
        site.wait(lambda: len(site.gateway.webhooks("stop")) == 2, "every STOP")
        replies = {one.phone: one for one in site.dispatcher.replies()}
        assert {one.complete for one in replies.values()} == {True}
        assert {phone: one.text for phone, one in replies.items()} == {
            everyone[0]: "Stop",
            everyone[1]: LONG,
            everyone[2]: "Oui",
        }
        assert replies[everyone[0]].campaign == "soldes"
        assert [entry.phone for entry in site.dispatcher.opt_outs] == everyone[:1]
        assert {call["status"] for call in site.gateway.webhooks()} == {200}

        shown = site.command("replies")
        assert LONG.strip() in shown.stdout
        assert everyone[1] not in shown.stdout
        assert "3 replies" in shown.stdout
        listed = json.loads(site.command("replies", "--numbers", "--json").stdout)
        assert {one["phone"] for one in listed} == set(everyone[:3])

        assert serving.stop() == 0
        logs = "".join(child.log.read_text() for child in site.children)
        assert "a report came" in logs
        for hidden in (SECRET, "renard", site.gateway.key, *(phone[3:] for phone in everyone)):
            assert hidden not in logs
        assert worker.alive
        site.check()

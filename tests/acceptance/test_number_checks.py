"""Number checks with real processes: ordered by a command, answered by webhooks."""

from __future__ import annotations

import json
from pathlib import Path

from dispatcher import Dispatcher
from tests.acceptance.installation import INSISTENT, Installation, people
from tests.acceptance.test_webhooks import SECRET
from tests.ports import free_port


def test_number_out_of_service_is_excluded_from_the_next_campaign(
    tmp_path: Path, database_url: str
) -> None:
    port, everyone = free_port(), people(20)
    site = Installation(
        tmp_path,
        database_url,
        webhook_url=f"http://127.0.0.1:{port}",
        webhook_secret=SECRET,
        switches={
            "check_errors": {"03": "EC_UNKNOWN_SUBSCRIBER", "04": "EC_ABSENT_SUBSCRIBER", "05": ""},
            "webhook_copies": 2,
            "webhook_shuffled": True,
            **INSISTENT,
        },
    )
    clients = tmp_path / "clients.csv"
    clients.write_text("\n".join(["mobile", *everyone]) + "\n")
    with site:
        order = ("check-numbers", str(clients), "--hlr", "--max-cost", "0.10")
        ordered = site.command(*order)
        assert "20 checks ordered for 0.10 €" in ordered.stdout, ordered.stderr
        # nothing listens yet: the gateway tries again
        site.wait(lambda: site.gateway.webhooks("check"), "the first webhook")
        serving = site.start("webhooks", "dispatcher.cli", "webhooks", "--port", str(port))
        counts = {"in_service": 17, "out_of_service": 1, "undecided": 1, "waiting": 1}
        site.wait(lambda: known(site.dispatcher, everyone) == counts, "19 results")
        assert "nothing to order" in site.command(*order).stdout
        assert len(site.gateway.requests("/v1/hlr/notify")) == 1

        rejects = tmp_path / "rejects.csv"
        options = (str(clients), "--text", "Soldes", "--rejects", str(rejects))
        planned = site.command("plan", *options, "--json")
        assert json.loads(planned.stdout)["reasons"] == {"out_of_service": 1}
        site.worker()
        site.ticks()
        submitted = site.command("submit", *options, "--reference", "soldes")
        assert "1 × out_of_service" in submitted.stdout, submitted.stderr
        assert '"out_of_service"' in rejects.read_text(encoding="utf-8-sig").splitlines()[1]
        site.wait_finished("soldes")
        (excluded,) = set(everyone) - set(site.gateway.texted())
        assert excluded.endswith("03")

        assert serving.stop() == 0
        logs = "".join(child.log.read_text() for child in site.children) + ordered.stdout
        for hidden in (SECRET, site.gateway.key, *(phone[3:] for phone in everyone)):
            assert hidden not in logs
        site.check()


def known(dispatcher: Dispatcher, phones: list[str]) -> dict[str, int]:
    return dict(dispatcher.number_checks.survey(phones).known)

"""Drafts with real processes: who approves, and who sends a test, is killed by SIGKILL."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from dispatcher.api import actor
from dispatcher.storage.tables import Draft
from tests.acceptance.installation import Installation, on_sqlite, people
from tests.databases import lock_waiters

TEXT = "Bonjour {{ prenom }}"
INES = "+33639987201"


@pytest.fixture(autouse=True)
def written_by_zoe(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever acts in this process; a command is another person."""
    monkeypatch.setattr(actor, "_signed_in", [lambda: "zoe"])


def write(site: Installation, reference: str) -> None:
    """A draft to three people that is handed in."""
    drafts = site.dispatcher.drafts
    draft = drafts.create(reference, TEXT)
    rows = [{"mobile": phone, "prenom": "Zoé"} for phone in people(3)]
    draft = drafts.set_list(reference, rows, version=draft.version)
    draft, _ = drafts.plan(reference, version=draft.version)
    drafts.hand_in(reference, version=draft.version)


@pytest.mark.parametrize("module_database_url", ["postgres"], indirect=True)
def test_approval_killed_in_its_transaction_sends_nothing_and_then_sends_once(
    standby_site: Installation,
) -> None:
    """Another transaction has the draft's row: the campaign is stored, and nothing committed."""
    site = standby_site
    write(site, "approuvé")
    database = site.dispatcher.database
    with database.write() as session:
        session.execute(select(Draft.id).where(Draft.reference == "approuvé").with_for_update())
        lost = site.start("approval", "dispatcher.cli", "approve", "approuvé", "--yes")
        site.wait(
            lambda: lock_waiters(site.dispatcher.database), "the approval to wait for the draft"
        )
        lost.kill()
    assert site.dispatcher.drafts.get("approuvé").state == "handed_in"
    assert not site.batches()

    approved = site.command("approve", "approuvé", "--yes")

    assert approved.returncode == 0, approved.stderr
    again = site.command("approve", "approuvé", "--yes")
    assert (again.returncode, "was submitted" in again.stderr) == (1, True)
    site.wake_standby()
    assert site.wait_finished("approuvé").messages["delivered"] == 3
    site.check()


@on_sqlite
@pytest.mark.parametrize(
    ("point", "state"), [("armed", "sending"), ("answered", "sending"), ("recorded", "sent")]
)
def test_worker_killed_in_a_test_message_texts_the_tester_once_at_most(
    standby_site: Installation, point: str, state: str
) -> None:
    site = standby_site
    reference = f"essai {point}"
    write(site, reference)
    site.dispatcher.testers.add(point, INES)
    lost = site.halting_worker("lost")
    site.halt_at(point)

    [send] = site.dispatcher.testers.send(reference, to=[point])
    site.wait_halted(point)
    lost.kill()
    site.go_on(point)

    assert site.batch().state == state
    site.wake_standby()
    site.let_leases_end()
    if point == "armed":
        site.wait_in_doubt()
        assert not site.gateway.texted()
        site.dispatcher.resend(site.batch().id, reason="nothing in the gateway's own list")
    assert site.wait_finished(send.reference).messages["delivered"] == 1
    assert [sms.phone for one in site.gateway.entries() for sms in one.texts] == [INES]
    site.check()

"""The console as a process of its own, also on a database with something on every page."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from dispatcher.api.occurrences import Occurrences
from dispatcher.storage.database import Database
from tests.fakes import HandClock
from tests.integration.bench import Bench, people
from tests.integration.cli.test_run import INSTALLED, Running

PASSWORD = "soleil-vert-27-matin"
TEXT = "Bonjour {{ prenom }}, les soldes commencent samedi ! maboutique.example STOP 36179"


def fill(url: str, directory: Path) -> None:
    """Campaigns in each state, series, a doubt, replies and opt-outs, of the last two days."""
    database = Database(url)
    try:
        clock = HandClock(_last_open())
        bench = Bench(
            database,
            at=clock.at,
            clock=clock,
            database_url=url,
            prices={"metropole": "0.045"},
            doubt_limit=9,
        )
        bench.dispatcher.prepare()
        _campaigns(bench)
        _answers(bench)
        _series(bench, directory)
    finally:
        database.close()


def _last_open() -> datetime:
    """Ten in the morning of the last weekday but one: the window is open."""
    at = datetime.now(UTC).replace(hour=9, minute=0, second=0, microsecond=0) - timedelta(days=2)
    while at.weekday() > 4 or (at.month, at.day) in {(1, 1), (5, 1), (5, 8), (7, 14), (8, 15)}:
        at -= timedelta(days=1)
    return at


def _listed(count: int, start: int) -> list[dict[str, str]]:
    return [{"mobile": phone, "prenom": "Zoé"} for phone in people(count, start)]


def _campaigns(bench: Bench) -> None:
    ours = bench.dispatcher
    ours.submit("soldes-hiver", TEXT, _listed(600, 0))
    bench.work()
    bench.gateway.deliver()
    bench.pass_by(hours=1)
    ours.submit("invitation-vip", TEXT, _listed(40, 700))
    ours.pause("invitation-vip", reason="stock épuisé", by="zoe")
    bench.gateway.behave = bench.gateway.swallow
    ours.submit("relance-panier", TEXT, _listed(12, 800))
    bench.work()
    bench.gateway.behave = bench.gateway.take
    later = bench.clock() + timedelta(days=30)
    ours.submit("rentree", TEXT, _listed(900, 900), not_before=later)
    ours.submit("alerte", TEXT, _listed(5, 2000))
    ours.cancel("alerte", reason="erreur de liste", by="zoe")
    draft = ours.drafts.create("printemps", TEXT, tags=["shop-lyon"])
    ours.drafts.set_list(
        draft.id,
        [*_listed(3, 2100), {"mobile": "12345", "prenom": "Luc"}],
        version=draft.version,
        source="clients.csv",
    )
    draft = ours.drafts.create("ete", TEXT)
    draft = ours.drafts.set_list(draft.id, _listed(30, 2200), version=draft.version)
    draft, _ = ours.drafts.plan(draft.id, version=draft.version)
    ours.drafts.hand_in(draft.id, version=draft.version)
    ours.testers.add("Inès", people(1, 2300)[0], any_hour=True)


def _series(bench: Bench, directory: Path) -> None:
    listed, lost = directory / "clients.csv", directory / "vip.csv"
    for path in (listed, lost):
        path.write_text("\n".join(["mobile", *people(60, 2400), "12345"]), encoding="utf-8")
    series, text = bench.dispatcher.series, "La boutique vous attend samedi. STOP 36179"
    rule = "FREQ=WEEKLY;BYDAY=FR;BYHOUR=10"
    ends, tags = timedelta(hours=9), ["shop-lyon"]
    given: dict[str, Any] = {"source": listed, "text": text, "by": "zoe"}
    series.add("offre-du-vendredi", rule=rule, not_after=ends, tags=tags, **given)
    rule, soon = "FREQ=DAILY;BYHOUR=11", timedelta(days=1)
    series.add("panier", rule=rule, lead=soon, **given)
    series.skip("panier", reason="inventaire", by="zoe")
    Occurrences(series).make_due()
    series.add("vip", rule=rule, lead=soon, **given | {"source": lost})
    lost.unlink()
    Occurrences(series).make_due()
    rule = "FREQ=MONTHLY;BYDAY=1SA;BYHOUR=11"
    series.add("premier-samedi", rule=rule, **given)
    series.pause("premier-samedi", reason="travaux", by="zoe")


def _answers(bench: Bench) -> None:
    ours = bench.dispatcher
    batch = bench.batches(1)[0]
    for phone, words in zip(
        people(4), ("Merci !", "STOP", "Mauvais numéro", "À quelle heure ?"), strict=True
    ):
        body = {"type": "response", "phone_number": phone, "text": words}
        body["message_id"] = str(batch.message_id)
        ours.inbox.take("reply", json.dumps(body).encode())
    ours.opt_outs.add(people(3, 50), reason="appel au magasin", by="zoe")


@contextmanager
def filled(directory: Path) -> Iterator[str]:
    """The address of a console on a database with something on every page."""
    url = f"sqlite:///{directory / 'dispatcher.db'}"
    fill(url, directory)
    environment = {
        **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
        "DISPATCHER_DATABASE_URL": url,
        "DISPATCHER_SENDER": "MaBoutique",
        "DISPATCHER_PRICES": "metropole=0.045",
        "DISPATCHER_SERIES_LISTS": str(directory / "clients.csv"),
    }
    with served(directory, environment) as address:
        yield address


@contextmanager
def served(directory: Path, environment: dict[str, str]) -> Iterator[str]:
    """The address of ``dispatcher console``: zoe writes and operates, luc approves."""
    for name, *roles in (("zoe", "writes", "operates"), ("luc", "approves")):
        options = [word for role in roles for word in ("--role", role)]
        made = [*INSTALLED, "console", "createuser", name, *options, "--password", PASSWORD]
        subprocess.run(made, env=environment, cwd=directory, check=True, capture_output=True)
    with running(directory, environment) as address:
        yield address


@contextmanager
def running(directory: Path, environment: dict[str, str]) -> Iterator[str]:
    """The same for users who are there already."""
    with Running(directory, environment, "console", "--port", "0") as server:
        yield server.wait_for(r"http://\S+:\d+")[0]

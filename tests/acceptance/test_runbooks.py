"""The runbooks of docs/, step by step: every line of their shell blocks is run, or done by hand."""

from __future__ import annotations

import re
import shlex
import sqlite3
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
from alembic import command

from dispatcher.storage import schema
from tests.acceptance.installation import INSISTENT, ROOT, Child, Installation, people
from tests.ports import free_port

TEXT = "Soldes demain chez nous"
NEW_KEY = "a new key of the pseudonyms, 32 letters"
OLD, NEW = "old-secret-of-17-letters", "new-secret-of-17-letters"


class Runbook:
    """The commands of a page, in its order."""

    def __init__(self, page: str, site: Installation) -> None:
        blocks = re.findall(
            r"^ *```sh\n(.*?)^ *```$",
            (ROOT / "docs" / page).read_text(encoding="utf-8"),
            re.MULTILINE | re.DOTALL,
        )
        self._lines = [line.strip() for block in blocks for line in block.splitlines()]
        self._site = site

    def section(self, first: str, time: int = 1) -> None:
        """Go to a later section, which begins with this command when it comes so often."""
        places = [place for place, line in enumerate(self._lines) if line == first]
        self._lines = self._lines[places[time - 1] :]

    def by_hand(self, line: str) -> None:
        """The next line, whose effect the test has by other means: there is no systemd here."""
        assert self._lines.pop(0) == line

    def run(self, line: str) -> str:
        """Run the next line, which is this one; returns its output."""
        assert self._lines.pop(0) == line
        done = self._site.command(*shlex.split(line)[1:])
        assert done.returncode == 0, (line, done.stdout, done.stderr)
        return done.stdout

    def doctor(self, but: str = "clock") -> None:
        """Run the next line, which finds nothing wrong ``but`` that our clock is set."""
        assert self._lines.pop(0) == "dispatcher doctor"
        found = self._site.command("doctor").stdout
        wrong = [line for line in found.splitlines() if line.startswith("✗")]
        assert all(line.split(":")[0].removeprefix("✗ ") in but for line in wrong), wrong
        assert "✓ database: " in found

    def goes_on_with(self, line: str) -> None:
        """The rest, which begins with this line, is another test's."""
        assert self._lines[0] == line

    def end(self) -> None:
        assert self._lines == []


STOP = "systemctl stop 'dispatcher-worker@*' dispatcher-beat dispatcher-webhooks"
START = "systemctl start 'dispatcher-worker@*' dispatcher-beat dispatcher-webhooks"
WORKERS = ("dispatcher-worker@9808", "dispatcher-worker@9809")


def restart_workers(book: Runbook, site: Installation, workers: list[Child]) -> None:
    """Replace the two workers one after the other; they end as SIGTERM asks."""
    for turn, unit in enumerate(WORKERS):
        book.by_hand(f"systemctl restart {unit}")
        assert workers[turn].stop() == 0
        workers[turn] = site.worker(f"{workers[turn].name}-anew")


@pytest.mark.timeout(300)
def test_restored_backup_texts_nobody_twice(tmp_path: Path, monkeypatch: Any) -> None:
    path = tmp_path / "dispatcher.db"
    everyone = people(60)
    with Installation(tmp_path, f"sqlite:///{path}") as site:
        book = Runbook("runbook-restore.md", site)
        site.submit("soldes-2027", everyone[:20])
        site.submit("held", everyone[20:40])
        site.dispatcher.pause("held", reason="not yet")
        site.submit(
            "untouched", everyone[40:], not_before=site.dispatcher.clock().replace(2026, 12)
        )
        with sqlite3.connect(path) as live, sqlite3.connect(tmp_path / "backup.db") as copy:
            live.backup(copy)
        live.close()
        copy.close()
        worker, beat = site.worker(), site.beat()
        site.wait_finished("soldes-2027")

        book.by_hand(STOP)
        assert worker.stop() == 0
        beat.stop()
        site.dispatcher.database.close()
        for old in tmp_path.glob("dispatcher.db-[ws]*"):
            old.unlink()
        (tmp_path / "backup.db").rename(path)
        refused = site.worker("too-early")
        site.dispatcher.tick()
        assert "restored" in site.progress("soldes-2027").why
        refused.stop()
        accepted = book.run("dispatcher migrate --restored")
        assert "soldes-2027: 20 messages to go in the backup" in accepted
        site.gateway.configure(stopped=(everyone[40],))
        book.run("dispatcher opt-outs sync")
        monkeypatch.setattr(site, "command", in_folder(site, tmp_path))
        (tmp_path / "stops.csv").write_text(f"mobile\n{everyone[41]}\n", encoding="utf-8")
        assert "1 added" in book.run("dispatcher opt-outs import stops.csv")
        book.by_hand(START)
        site.worker("worker-2")
        site.beat("beat-2")
        site.wait(lambda: site.command("doctor", "--only", "beat").returncode == 0, "the beat")
        book.doctor(but="clock pause")
        listed = book.run("dispatcher campaigns --state running")
        assert "soldes-2027" in listed
        assert "untouched" in listed
        assert "held" in book.run("dispatcher campaigns --state paused")
        book.run("dispatcher cancel soldes-2027 --yes")
        assert site.gateway.texted().keys() == set(everyone[:20])
        book.run("dispatcher resume --all")
        assert "held" in book.run("dispatcher campaigns --state paused")
        book.end()
        site.dispatcher.resume("held")
        site.wait_finished("held")
        assert set(site.gateway.texted().values()) == {1}
        assert site.progress("soldes-2027").messages["cancelled"] == 20


@pytest.mark.timeout(300)
def test_rolling_restart_and_upgrade_lose_nobody(tmp_path: Path, database_url: str) -> None:
    with Installation(tmp_path, database_url, rate=4) as site:
        book = Runbook("runbook-upgrade.md", site)
        workers, beat = [site.worker("one"), site.worker("two")], site.beat()
        site.submit("rolling", people(30), from_number="+33639988888")
        site.wait(lambda: site.progress("rolling").messages["pending"] < 30, "the first to leave")
        restart_workers(book, site, workers)
        book.by_hand("systemctl restart dispatcher-beat")
        beat.stop()
        beat = site.beat("beat-anew")
        site.wait(lambda: site.command("doctor", "--only", "beat").returncode == 0, "the beat")
        book.doctor()
        site.wait_finished("rolling")
        site.check("rolling")

        book.by_hand(STOP)
        for child in (*workers, beat):
            child.stop()
        site.submit("waiting", people(5, start=100))
        of_the_version_before(site)
        early = site.start("early", "celery", "-A", "workers", "worker", "--without-mingle")
        site.wait(lambda: early.says("dispatcher migrate"), "the worker to say what to do")
        early.stop()
        assert site.gateway.texted().keys() == set(people(30))
        book.run("dispatcher migrate")
        book.by_hand(START)
        site.worker("three")
        site.beat("beat-3")
        site.wait(lambda: site.command("doctor", "--only", "beat").returncode == 0, "the beat")
        book.doctor()
        book.run("dispatcher campaigns --state running")
        book.end()
        site.wait_finished("waiting")
        site.check()


@pytest.mark.timeout(300)
def test_new_key_replaces_the_old_one(tmp_path: Path, sqlite_url: str) -> None:
    key = tmp_path / "api_key"
    with Installation(tmp_path, sqlite_url) as site:
        book = Runbook("runbook-keys.md", site)
        first, second = site.gateway.key, "another-key-of-the-account"
        site.change(api_key=first)
        site.ticks()
        workers = [site.worker("one"), site.worker("two")]
        site.gateway.set_keys(first, second)
        key.write_text(second, encoding="utf-8")
        site.change(api_key=key.read_text(encoding="utf-8"))
        restart_workers(book, site, workers)
        book.run("dispatcher doctor --only gateway")
        site.gateway.set_keys(second)
        site.submit("by-the-new-key", people(3))
        site.wait_finished("by-the-new-key")
        # a key that is revoked too early
        site.gateway.set_keys("third-key-of-the-account")
        site.submit("soldes-2027", people(3, start=50))
        site.wait(lambda: site.progress("soldes-2027").state == "paused", "the pause")
        site.gateway.set_keys(second)
        assert "the API key is wrong" in book.run("dispatcher campaigns --state paused")
        book.run("dispatcher resume soldes-2027")
        site.wait_finished("soldes-2027")
        site.check()


@pytest.mark.timeout(300)
def test_new_webhook_secret_replaces_the_old_one(tmp_path: Path, sqlite_url: str) -> None:
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    switches = {"delivery_seconds": (1, 1), **INSISTENT}
    settings: dict[str, Any] = {
        "poll_intervals": "86400",
        "webhook_url": base,
        "webhook_secret": OLD,
    }
    with Installation(tmp_path, sqlite_url, switches=switches, **settings) as site:
        book = Runbook("runbook-keys.md", site)
        book.section("systemctl restart dispatcher-webhooks")
        serving = serve_webhooks(site, port)
        workers = [site.worker("one"), site.worker("two")]
        site.ticks()
        site.submit("before", people(3))
        site.wait(lambda: not site.progress("before").messages["pending"], "it to leave")
        book.by_hand("systemctl restart dispatcher-webhooks")
        site.change(webhook_secret=NEW, webhook_secret_old=OLD)
        serving.stop()
        serving = serve_webhooks(site, port)
        restart_workers(book, site, workers)
        site.submit("after", people(3, start=50))
        # no poll is due: the reports came by the webhooks, of the old address and of the new one
        site.wait_finished("before")
        site.wait_finished("after")
        book.by_hand("systemctl restart dispatcher-webhooks")
        book.goes_on_with("systemctl restart dispatcher-webhooks")
        serving.stop()
        site.change(webhook_secret_old=None)
        serve_webhooks(site, port)
        site.gateway.reply(people(1)[0], "Oui", to="+33639988888", url=f"{base}/{NEW}/reply")
        site.wait(lambda: len(site.dispatcher.replies()) == 1, "the reply")


@pytest.mark.timeout(300)
def test_new_pseudonym_key_is_used_and_a_lost_one_forgotten(
    tmp_path: Path, monkeypatch: Any
) -> None:
    anne, bruno, chloe, *others = people(6)
    key = tmp_path / "dispatcher.db-pseudonym-key"
    with Installation(tmp_path, f"sqlite:///{tmp_path / 'dispatcher.db'}") as site:
        monkeypatch.setattr(site, "command", in_folder(site, tmp_path))
        book = Runbook("runbook-keys.md", site)
        book.section("systemctl restart dispatcher-webhooks", 3)
        workers = [site.worker("one"), site.worker("two")]
        site.beat()
        erase(site, anne)
        old = key.read_text(encoding="utf-8")
        key.write_text(f"{NEW_KEY}\n{old}", encoding="utf-8")
        book.by_hand("systemctl restart dispatcher-webhooks")
        restart_workers(book, site, workers)
        said = book.run("dispatcher doctor --only people")
        assert "the 2 keys of the pseudonyms are right" in said
        site.change()
        erase(site, bruno)
        site.submit("both-keys", [anne, bruno, *others])
        site.wait_finished("both-keys")
        assert site.gateway.texted().keys() == set(others)

        for worker in workers:
            worker.stop()
        key.write_text(f"{NEW_KEY}\n", encoding="utf-8")
        site.change()
        refused = site.start("refused", "celery", "-A", "workers", "worker", "--without-mingle")
        site.wait(lambda: not refused.alive, "the worker to refuse")
        assert refused.says("a pseudonym key is missing")
        found = site.command("doctor", "--only", "people")
        assert (found.returncode != 0, "runbook-keys.md" in found.stdout) == (True, True)
        said = book.run(
            'dispatcher person forget-key --reason "the safe burnt, nobody has a copy" --yes'
        )
        assert "up to 2 erased people can no longer be recognised" in said
        site.gateway.configure(stopped=(anne,))
        book.run("dispatcher opt-outs sync")
        (tmp_path / "stops.csv").write_text(f"mobile\n{chloe}\n", encoding="utf-8")
        assert "1 added" in book.run("dispatcher opt-outs import stops.csv")
        book.by_hand(START)
        site.worker("three")
        site.submit("after", [anne, bruno, chloe, *people(2, start=50)])
        book.run("dispatcher resume --all")
        book.end()
        site.wait_finished("after")
        assert site.gateway.texted().keys() == {*others, *people(2, start=50)}


def erase(site: Installation, phone: str) -> None:
    site.dispatcher.opt_out(phone)
    site.dispatcher.persons.erase(phone, reason="asked")


def test_new_web_token_replaces_the_old_one(tmp_path: Path, sqlite_url: str) -> None:
    with Installation(tmp_path, sqlite_url, web_token=OLD) as site:
        assert statuses(site) == {OLD: 200, NEW: 401}
        site.change(web_token=NEW, web_token_old=OLD)
        assert statuses(site) == {OLD: 200, NEW: 200}
        site.change(web_token=NEW, web_token_old=None)
        assert statuses(site) == {OLD: 401, NEW: 200}


def statuses(site: Installation) -> dict[str, int]:
    """What a new process of the web app answers to each token."""
    port = free_port()
    (site.directory / "served.py").write_text(
        "from flask import Flask\n"
        "from dispatcher.contrib.flask import Dispatcher, api\n"
        "app = Flask(__name__)\n"
        "Dispatcher(app)\n"
        "app.register_blueprint(api(), url_prefix='/api')\n",
        encoding="utf-8",
    )
    app = str(site.directory / "served.py")
    child = site.start(f"flask-{port}", "flask", "--app", app, "run", "--port", str(port))
    site.wait(lambda: child.says("Running on"), "the web app to be served")
    url = f"http://127.0.0.1:{port}/api/campaigns"
    found = {token: status(url, token) for token in (OLD, NEW)}
    child.kill()
    return found


def status(url: str, token: str) -> int:
    from urllib.error import HTTPError

    try:
        with urlopen(Request(url, headers={"Authorization": f"Bearer {token}"})) as answer:
            return int(answer.status)
    except HTTPError as error:
        with error:
            return error.code


def serve_webhooks(site: Installation, port: int) -> Child:
    serving = site.start("webhooks", "dispatcher.cli", "webhooks", "--port", str(port))
    site.wait(lambda: serving.says("listening on"), "the webhooks to be served")
    return serving


def of_the_version_before(site: Installation) -> None:
    """Give the database the schema of the version before."""
    with site.dispatcher.database.write() as session:
        config = schema._config()
        config.attributes["connection"] = session.connection()
        command.downgrade(config, schema.revisions()[-2])


def in_folder(site: Installation, folder: Path) -> Any:
    """``site.command``, with the relative paths of the page in that folder."""
    run = site.command

    def command_in(*arguments: str) -> Any:
        return run(*(str(folder / one) if one.endswith(".csv") else one for one in arguments))

    return command_in

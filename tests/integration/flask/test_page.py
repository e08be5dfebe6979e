"""The examples on the page for Flask do what the page says."""

from __future__ import annotations

import os
import re
import runpy
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dispatcher.contrib.flask.testing import empty, event, receive, texts
from tests.waiting import PATIENCE

ROOT = Path(__file__).parents[3]
SHOP = ROOT / "examples/flask_shop/app.py"
USERS = "zoe:her-password"
AUTH = ("zoe", "her-password")
SECRET = "q8Zr4-Tn0_Vb6Hs2Lk"
TOKEN = "Kd3-Vw9_Px5Rt7Ym1Z"


def block(heading: str, language: str = "python") -> str:
    """The code under a heading of the page."""
    page = (ROOT / "docs/flask.md").read_text(encoding="utf-8")
    section = page.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    [code] = re.findall(rf"^```{language}\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
    return str(code)


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """The names of the example's module; the app is in tests."""
    for name in [name for name in os.environ if name.startswith("DISPATCHER_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("SHOP_USERS", USERS)
    monkeypatch.setenv("DISPATCHER_WEBHOOK_SECRET", SECRET)
    monkeypatch.setenv("DISPATCHER_WEB_TOKEN", TOKEN)
    names = runpy.run_path(str(SHOP), run_name="app")
    with names["app"].app_context():
        yield names
        empty()


def run(heading: str, names: dict[str, Any]) -> None:
    exec(compile(block(heading), heading, "exec"), names)


def test_schedule_on_the_page_waits_for_its_hour(shop: dict[str, Any]) -> None:
    run("A schedule", shop)
    form = {"reference": "soldes", "text": "Soldes !", "at": "2099-01-13T10:00"}
    answer = shop["app"].test_client().post("/campaigns/later", data=form, auth=AUTH)
    assert answer.status_code == 302
    campaign = shop["dispatcher"].campaign("soldes")
    assert campaign.not_before.isoformat() == "2099-01-13T09:00:00+00:00"


def test_test_on_the_page_passes(tmp_path: Path) -> None:
    shutil.copytree(SHOP.parent, tmp_path, dirs_exist_ok=True)
    (tmp_path / "test_shop.py").write_text(block("Tests"), encoding="utf-8")
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    live = {"DISPATCHER_DATABASE_URL": f"sqlite:///{tmp_path / 'live.db'}"}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_shop.py"],
        env=kept | live | {"PYTHONPATH": str(ROOT), "SHOP_USERS": USERS},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert "1 passed" in done.stdout, done.stdout + done.stderr
    assert not (tmp_path / "live.db").exists()


def test_signal_on_the_page_is_received(
    shop: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    run("Signals", shop)
    with caplog.at_level("INFO"):
        receive(event("campaign_finished", campaign="soldes", counts={"delivered": 2}))
    assert "soldes: 2 delivered" in caplog.text


def test_webhook_on_the_page_is_let_through_and_strangers_are_not(shop: dict[str, Any]) -> None:
    run("Webhooks", shop)
    client = shop["app"].test_client()
    stop = {"type": "stop", "phone_number": "+33639980001", "text": "STOP", "message_id": 1}
    assert client.post(f"/sms-in/{SECRET}/reply", json=stop).status_code == 200
    assert "+33639980001" in shop["dispatcher"].opt_outs
    assert client.get("/").status_code == 401


def test_call_on_the_page_submits_with_the_token_alone(shop: dict[str, Any]) -> None:
    run("JSON API", shop)
    call = block("JSON API", "sh").replace("$SHOP", "").replace("$TOKEN", TOKEN)
    curl, path, _, header, _, body = shlex.split(call)
    name, _, value = header.partition(": ")
    client = shop["app"].test_client()

    def post(headers: dict[str, str]) -> int:
        answer = client.post(path, data=body, content_type="application/json", headers=headers)
        return int(answer.status_code)

    assert curl == "curl"
    assert post({}) == post({name: "Bearer of another token"}) == 401
    assert post({name: value}) == 201
    assert texts("soldes-2027") == {"+33639980001": "Les soldes commencent samedi !"}
    assert client.get("/").status_code == 401


def test_customers_on_the_page_come_from_another_database(
    shop: dict[str, Any], tmp_path: Path
) -> None:
    code = block("Several databases").replace("sqlite:///", f"sqlite:///{tmp_path}/")
    names: dict[str, Any] = {"__name__": "shop"}
    exec(compile(code, "several", "exec"), names)
    with names["app"].app_context():
        db, customer = names["db"], names["Customer"]
        db.create_all()
        for number, consented in ((1, True), (2, False)):
            one = {"mobile": f"06 39 98 00 0{number}", "first_name": f"Zoé{number}"}
            db.session.add(customer(**one, consented=consented))
        db.session.commit()
        names["launch_to_all"]("soldes", "Bonjour {{ prenom }}")
        assert texts("soldes") == {"+33639980001": "Bonjour Zoé1"}
        assert (tmp_path / "crm.db").exists()
        assert not (tmp_path / "srv").exists()
        empty()
        db.session.remove()
        for engine in db.engines.values():
            engine.dispose()

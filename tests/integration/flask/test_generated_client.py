"""A client that a generator makes of the description submits every kind of campaign.

The generator and what its client needs are fetched from PyPI into an environment of their own.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from flask import Flask

from dispatcher.contrib.flask.openapi import described
from tests.integration.flask.webapp import TOKEN, MakeApp, library, make_app, served
from tests.waiting import PATIENCE

__all__ = ["make_app"]

PACKAGES = ("openapi-python-client==0.29.*", "openapi-spec-validator>=0.7,<1")
#: what a user of the client writes; it prints a line of JSON for each call
PROGRAM = """
import datetime, json, sys
from client import AuthenticatedClient
from client.api.campaigns import campaigns, cancel, pause, progress, resume, submit
from client.models import CampaignState, NewCampaign, Problem, Reason

address, token = sys.argv[1:]
shop = AuthenticatedClient(base_url=address, token=token)
# every field of a model is checked only by from_dict, as JSON that was read
person = {"mobile": "06 39 98 00 02", "prenom": "Zoé", "points": 12, "vip": True, "note": None}
at = datetime.datetime(2026, 11, 25, 9, tzinfo=datetime.timezone.utc)
day = datetime.timedelta(days=1)
text = {"text": "Bonjour, les soldes commencent"}
kinds = {
    "text": text,
    "template": {"text": "Bonjour {{ prenom }}", "recipients": [person], "sender": "MaBoutique"},
    "alert": text | {"commercial": False, "reason": "delivery notice"},
    "survey": {"survey": "a1b2"},
    "long-number": text | {"from_number": "+33639988888"},
    "schedule": text | {"not_before": at.isoformat(), "not_after": (at + day).isoformat(),
                        "priority": "high", "territory": "la-reunion"},
    "hand-over": text | {"not_before": at.isoformat(), "hand_over": True},
    "account": text | {"account": "shop"},
    "strict": text | {"strict": True, "check_numbers": True},
    "bad-recipient": text | {"recipients": ["0140000000", "06 39 98 00 01"]},
    "nobody": text | {"recipients": ["0140000000"]},
}
for name, options in kinds.items():
    body = {"reference": f"kind-{name}", "recipients": ["06 39 98 00 01"]} | options
    answer = submit.sync_detailed(client=shop, body=NewCampaign.from_dict(body))
    print(json.dumps([name, answer.status_code, answer.parsed.to_dict()]))

minimal = NewCampaign(reference="direct", recipients=["06 39 98 00 01"], text="Bonjour")
found = submit.sync(client=shop, body=minimal).id
states = [
    pause.sync(found, client=shop, body=Reason(reason="the shop is closed")),
    resume.sync(found, client=shop),
    pause.sync(found, client=shop),
    cancel.sync(found, client=shop),
    progress.sync(found, client=shop),
]
print(json.dumps([one.state.value for one in states]))
taken = resume.sync(found, client=shop)
assert isinstance(taken, Problem), taken
print(json.dumps([taken.code, taken.row]))
lists = [
    campaigns.sync(client=shop, state=[CampaignState.CANCELLED, CampaignState.PAUSED]),
    campaigns.sync(client=shop, reference_prefix="kind-s", since=datetime.date(2026, 11, 1)),
    campaigns.sync(client=shop, since=at + 900 * day),
    campaigns.sync(client=shop, account="shop", limit=1, offset=0),
]
print(json.dumps([[one.reference for one in each.campaigns] for each in lists]))
"""


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment with the generator."""
    directory = tmp_path_factory.mktemp("generator")
    subprocess.run([sys.executable, "-m", "venv", directory], check=True)
    result = directory / "bin" / "python"
    fetched = subprocess.run(
        [result, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-compile",
         "--only-binary", ":all:", "--retries", "1", "--timeout", "10", *PACKAGES],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if fetched.returncode:
        why = next((one for one in reversed(fetched.stderr.splitlines()) if "ERROR" in one), "")
        pytest.skip(f"the generator of clients cannot be fetched from PyPI, as pip says: {why}")
    return result


@pytest.fixture
def app(make_app: MakeApp, sqlite_url: str) -> Flask:
    return make_app(sqlite_url, DISPATCHER_API_KEY="key", DISPATCHER_ACCOUNTS="shop")


@pytest.mark.timeout(300)
def test_generated_client_submits_every_kind_of_campaign(
    python: Path, app: Flask, tmp_path: Path
) -> None:
    description = tmp_path / "openapi.json"
    description.write_text(json.dumps(described("/sms/api")), encoding="utf-8")
    config = tmp_path / "config.json"
    config.write_text('{"post_hooks": []}', encoding="utf-8")
    ran(python, "-m", "openapi_spec_validator", description, cwd=tmp_path)
    ran(
        python, "-m", "openapi_python_client", "generate", "--path", description, "--meta", "none",
        "--output-path", tmp_path / "client", "--config", config, "--fail-on-warning", cwd=tmp_path,
    )  # fmt: skip

    with served(app) as address:
        output = ran(python, "-c", PROGRAM, f"{address}/sms/api", TOKEN, cwd=tmp_path)

    *kinds, states, refusal, lists = map(json.loads, output.splitlines())
    assert {name: status for name, status, _ in kinds} == dict.fromkeys(
        ("text", "template", "alert", "survey", "long-number", "schedule", "hand-over", "account",
         "strict", "bad-recipient"), 201,
    ) | {"nobody": 422}  # fmt: skip
    answers = {name: answer for name, _, answer in kinds}
    (reject,) = answers["bad-recipient"]["rejected"]
    assert (reject["code"], reject["row"]) == ("landline", 1)
    assert answers["nobody"]["code"] == "unusable_input"
    assert answers["nobody"]["rejected"] == [reject]
    assert library(app).campaign("kind-survey").survey == "a1b2"
    assert states == ["paused", "running", "paused", "cancelled", "cancelled"]
    assert refusal == ["illegal_move", None]
    assert lists == [["direct"], ["kind-strict", "kind-schedule", "kind-survey"], [],
                     ["kind-account"]]  # fmt: skip


def ran(*command: object, cwd: Path) -> str:
    """The output of a program that succeeds."""
    done = subprocess.run(
        [*map(str, command)], cwd=cwd, capture_output=True, text=True, check=False, timeout=PATIENCE
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout

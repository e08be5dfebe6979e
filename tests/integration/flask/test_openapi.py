"""The description of the JSON API is held against the API: by its routes, and by fuzzing it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from flask import Flask
from jsonschema_rs import Draft202012Validator

from dispatcher.contrib.flask.openapi import described
from tests.integration.bench import TEXT, people
from tests.integration.flask.fuzz_hooks import BUDGETS, CAMPAIGNS, DRAFTS, LIST, RULE, SERIES
from tests.integration.flask.webapp import TOKEN, Caller, MakeApp, library, make_app, served
from tests.waiting import PATIENCE

__all__ = ["make_app"]

#: as long as the description and Schemathesis are the same, the same requests are sent
CONFIG = f"""
seed = 1
headers = {{ Authorization = "Bearer {TOKEN}" }}
warnings.fail-on = true
generation = {{ deterministic = true, max-examples = 40, no-shrink = true, database = "none" }}
phases.stateful.generation.max-examples = 20
# no schema can say which text can be sent, or what the state of a campaign allows
checks.positive_data_acceptance.expected-statuses = ["2xx", "404", "409", "422"]
# no schema can say which columns a file has, which lists a series may name, or which number is one
[[operations]]
include-path-regex = "(/list|^/series|/lift)$"
generation.max-examples = 15
warnings = false
# nor whether who is signed in has written in the series
[[operations]]
include-path-regex = "^/series/.*/approve$"
generation.max-examples = 15
checks.positive_data_acceptance.expected-statuses = ["2xx", "403", "404", "409", "422"]
warnings = false
# they are many: with as many requests each as the others, it takes minutes
[[operations]]
include-path-regex = "^/(drafts|series)"
generation.max-examples = 15
"""
#: who is signed in to the app that is fuzzed
PERSON = "luc"
DECIDED = {"take_back_draft", "refuse_draft", "approve_draft"}
DRAFT_VERBS = {
    *("write draft", "plan draft", "hand in draft", "take back draft", "refuse draft"),
    *("discard draft",),
}
SERIES_VERBS = {
    *("add series", "change series", "pause series", "resume series", "skip occurrence"),
    *("end series", "end approval of series"),
}


@pytest.fixture
def app(make_app: MakeApp, database_url: str) -> Flask:
    return make_app(database_url, DISPATCHER_API_KEY="key")  # some requests check numbers


def drafted(app: Flask, name: str, reference: str) -> int:
    """A draft in the state that an operation needs; returns its id."""
    drafts = library(app).drafts
    draft = drafts.create(reference, TEXT)
    draft = drafts.set_list(draft.id, people(2), version=draft.version)
    if name in {"hand_in_draft", "submit_draft", *DECIDED}:
        draft, _ = drafts.plan(draft.id, version=draft.version)
    if name in DECIDED:
        drafts.hand_in(draft.id, version=draft.version)
    return draft.id


def test_fuzzed_request_is_answered_as_described(
    make_app: MakeApp, database_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """By Schemathesis in a process of its own: what it sends depends on what is imported."""
    # some requests check numbers, and some ask for evidence
    keys = {"DISPATCHER_API_KEY": "key", "DISPATCHER_SIGNING_KEY": "k" * 32}
    listed = tmp_path / "list.csv"
    listed.write_text("\n".join(people(2)), encoding="utf-8")
    keys |= {"DISPATCHER_SERIES_LISTS": str(listed), "DISPATCHER_PRICES": "metropole=0.001"}
    app = make_app(database_url, actor=lambda: PERSON, **keys)
    for number in range(1, 41):
        known = library(app).submit(f"known-{number}", TEXT, people(1))
        assert known == number
        if number in CAMPAIGNS["resume"]:
            library(app).pause(known)
    for name, ids in DRAFTS.items():
        for number in ids:
            assert drafted(app, name, f"draft-{number}") == number
    for tag in BUDGETS:
        library(app).budgets.set(tag, 500)
    series = library(app).series
    for name, ids in SERIES.items():
        for number in ids:
            added = series.add(f"known-{number}", rule=RULE, text=TEXT, source=listed)
            assert added.id == number
            if name == "resume_series":
                series.pause(added.id)
            if name == "end_approval":
                with app.test_request_context():  # where somebody is signed in
                    series.approve(added.id, recipients=3)
    (tmp_path / "schemathesis.toml").write_text(CONFIG, encoding="utf-8")
    with served(app) as address:
        fuzzed = _fuzz(address, tmp_path)
    assert fuzzed.returncode == 0, fuzzed.stdout + fuzzed.stderr
    assert fuzzed.stderr == ""
    # it came through to what the API does, and not to its refusals alone
    campaigns = library(app).page(limit=1000)
    assert campaigns.total > 40
    actions = [action for one in campaigns for action in library(app).actions(one.id)]
    done = {action.verb for action in actions if action.actor == f"JSON API (signed in: {PERSON})"}
    # some of the bodies have the numbers checked, too
    assert done - {"check numbers"} == {"submit", "pause", "resume", "cancel"}
    assert library(app).record.page(verb="export").total > 0
    acts = library(app).record.page(limit=1000)
    assert {action.verb for action in acts if action.actor == PERSON} >= DRAFT_VERBS
    assert len([one for one in acts if one.verb == "approve series"]) > len(SERIES["end_approval"])
    done = {action.verb for action in acts if "JSON API" in action.actor}
    assert done >= SERIES_VERBS
    # what a submission warns of is in the log, too
    assert not [one for one in caplog.records if one.name != "dispatcher.api.submit"]


def _fuzz(address: str, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from schemathesis.cli import schemathesis; schemathesis()",
         "--config-file", "schemathesis.toml", "--no-color", "run",
         f"{address}/sms/api/openapi.json", "--continue-on-failure"],
        cwd=tmp_path,
        env={**os.environ, "SCHEMATHESIS_HOOKS": "tests.integration.flask.fuzz_hooks",
             "PYTHONPATH": str(Path(__file__).parents[3]), LIST: str(tmp_path / "list.csv")},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )  # fmt: skip


@pytest.mark.parametrize("path", ["", "/pause", "/resume", "/cancel"])
def test_action_is_answered_as_described(app: Flask, path: str) -> None:
    call, result = Caller(app), described("/sms/api")
    components = result["components"]
    valid = {
        name: Draft202012Validator(
            {"components": components, "$ref": f"#/components/schemas/{name}"}
        )
        for name in components["schemas"]
    }
    submitted = call.submit(3, recipients=[*people(2), "0140000000"])
    valid["Submitted"].validate(submitted.json)
    valid["List"].validate(call.get("/campaigns").json)
    if path == "/resume":
        call.post("/campaigns/1/pause")
    answer = call.post(f"/campaigns/1{path}") if path else call.get("/campaigns/1")
    assert answer.status_code == 200
    valid["Progress"].validate(answer.json)
    valid["Problem"].validate(call.get("/campaigns/2").json)


def test_description_has_exactly_the_routes_of_the_api(app: Flask) -> None:
    served = {
        (
            re.sub(r"<(?:path:)?(\w+)>", r"{\1}", rule.rule.removeprefix("/sms/api")),
            method,
            rule.endpoint,
        )
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD"}
        if rule.endpoint.startswith("dispatcher_api.")
        and not rule.endpoint.startswith(("dispatcher_api.not", "dispatcher_api.nothing"))
    }
    result = {
        (path, verb.upper(), f"dispatcher_api.{operation['operationId']}")
        for path, verbs in described("/sms/api")["paths"].items()
        for verb, operation in verbs.items()
        if verb != "parameters"
    }
    assert result == served


def test_description_is_openapi_3_1_with_its_server(app: Flask) -> None:
    result = Caller(app, "").get("/sms/api/openapi.json", auth=None).json
    assert result == described("/sms/api")
    assert result["openapi"] == "3.1.0"
    assert result["servers"] == [{"url": "/sms/api"}]
    for name, schema in result["components"]["schemas"].items():
        Draft202012Validator({**result, **schema}), name


def test_example_of_a_campaign_can_be_submitted(app: Flask) -> None:
    [example] = described("")["components"]["schemas"]["NewCampaign"]["examples"]
    assert Caller(app).post("/campaigns", example).status_code == 201


def test_body_of_a_campaign_has_every_option_of_submit_but_those_of_python() -> None:
    from dispatcher.campaigns.submission import Options

    described_fields = described("")["components"]["schemas"]["NewCampaign"]["properties"]
    python_only = {"approved", "by", "at_hand", "stored"}
    assert described_fields.keys() == {
        "reference", "text", "recipients", *Options.__annotations__
    } - python_only  # fmt: skip

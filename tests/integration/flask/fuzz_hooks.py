"""What a fuzzer cannot guess: who can be texted, and which campaigns there are."""

from __future__ import annotations

import json
import os
import re
from itertools import count
from typing import Any

import schemathesis
from jsonschema_rs import Draft202012Validator
from pydantic import BaseModel

from dispatcher.campaigns.campaign_tags import PATTERN
from dispatcher.contrib.flask.draft_bodies import LARGEST_VERSION
from dispatcher.contrib.flask.openapi import described
from dispatcher.contrib.flask.series_bodies import ChangedSeries, NewSeries
from tests.integration.bench import people

_VALID, _FORM, _LIFTING = (
    Draft202012Validator(
        {"components": described("")["components"], "$ref": f"#/components/schemas/{name}"}
    )
    for name in ("NewCampaign", "ListUpload", "Lifting")
)

#: options whose values no schema can tell: which accounts there are, what a text does not go with
_UNGUESSABLE = {
    "account",
    "sender",
    "from_number",
    "survey",
    "not_before",
    "not_after",
    "per_hour",
    "over",
}

#: campaigns that there are when the fuzzer begins: the ids that each operation is asked with
CAMPAIGNS = {
    "progress": range(1, 11),
    "results": range(1, 11),
    "evidence": range(1, 11),
    "pause": range(11, 21),
    "cancel": range(21, 31),
    "resume": range(31, 41),
}
#: the same of drafts, each in the state and version that its operation needs
DRAFTS = {
    name: range(5 * at + 1, 5 * at + 6)
    for at, name in enumerate(
        (
            *("draft", "rejected_rows", "change_draft", "plan_draft", "discard_draft"),
            *("hand_in_draft", "submit_draft", "take_back_draft", "refuse_draft", "approve_draft"),
            "upload_list",
        )
    )
}
#: the same of series
SERIES = {
    name: range(5 * at + 1, 5 * at + 6)
    for at, name in enumerate(
        (
            *("series", "plan_series", "change_series", "pause_series", "resume_series"),
            *("skip_occurrence", "end_series", "approve_series", "end_approval"),
        )
    )
}
#: tags that have a budget
BUDGETS = [f"known-{n}" for n in range(60)]
RULE = "FREQ=WEEKLY;BYDAY=FR;BYHOUR=10"
#: the variable that holds the list which a series may name
LIST = "FUZZED_LIST"
_NUMBERS, _BUDGETS = count(), count()
#: versions after list, plan and hand-in
_WRITTEN, _PLANNED, _HANDED_IN = 2, 3, 4
_VERSIONS = {"hand_in_draft": _PLANNED, "submit_draft": _PLANNED, "take_back_draft": _HANDED_IN}


@schemathesis.hook
def map_path_parameters(context: schemathesis.HookContext, path_parameters: Any) -> Any:
    """Every other id that is one is that of a campaign."""
    assert context.operation is not None
    name = context.operation.definition.raw.get("operationId")
    for kind, known_ids in (("draft", DRAFTS), ("series", SERIES)):
        if isinstance(path_parameters, dict) and kind in path_parameters:
            return _known(kind, known_ids[name], path_parameters)
    if name == "remove_budget" and next(_NUMBERS) % 2 and _is_tag(path_parameters):
        return {"tag": BUDGETS[next(_BUDGETS) % len(BUDGETS)]}
    values = path_parameters.get("campaign") if isinstance(path_parameters, dict) else None
    if not isinstance(values, int) or isinstance(values, bool) or values < 0 or values % 2:
        return path_parameters
    known = CAMPAIGNS[name]
    return path_parameters | {"campaign": known[values // 2 % len(known)]}


@schemathesis.hook
def map_body(context: schemathesis.HookContext, body: Any) -> Any:
    """Much of what is valid is stored: few references, and numbers that belong to nobody."""
    assert context.operation is not None
    if not isinstance(body, dict):
        return body
    path, name = context.operation.path, context.operation.definition.raw.get("operationId")
    if name == "lift_unreachable":
        return body | ({"phone": people(1)[0]} if _LIFTING.is_valid(body) else {})
    if name in ("add_series", "change_series"):
        return _series(NewSeries if name == "add_series" else ChangedSeries, body)
    if path.startswith("/drafts") and _is_version(body.get("version")):
        body = body | {"version": _VERSIONS.get(name, _WRITTEN)}
    if name == "approve_series" and _is_version(body.get("version")):
        body = body | {"version": 1}
    if name == "upload_list":
        return _upload(body)
    whole = body if path == "/drafts" else body_of_campaign(body)
    if path in ("/drafts", "/drafts/{draft}") and _VALID.is_valid(whole):
        known = {
            key: value for key, value in body.items() if key not in {*_UNGUESSABLE, "hand_over"}
        }
        known |= {"recipients": people(len(body["recipients"])), "text": "Bonjour"}
        return (
            known | {"reference": f"of the fuzzer {next(_NUMBERS)}"} if path == "/drafts" else known
        )
    if path != "/campaigns" or not _VALID.is_valid(body):
        return body
    if len(body["recipients"]) % 2:
        body = {name: value for name, value in body.items() if name not in _UNGUESSABLE}
        body["text"] = "Bonjour"
    reference = f"{body['reference'][:1]}{len(body['recipients'])}"
    return body | {"recipients": people(len(body["recipients"])), "reference": reference}


def _upload(body: dict[str, Any]) -> dict[str, Any]:
    """The file of a form that is valid is a list, and no column is named that it does not have."""
    if not isinstance(body.get("file"), bytes) or not _FORM.is_valid(body | {"file": ""}):
        return body
    return {"version": body["version"], "file": f"mobile\n{people(1)[0]}\n".encode()}


def body_of_campaign(body: dict[str, Any]) -> dict[str, Any]:
    """What a change of a draft says of the campaign."""
    return {"reference": "x"} | {name: body[name] for name in body if name != "version"}


def _known(kind: str, ids: range, values: dict[str, Any]) -> dict[str, Any]:
    """A small id is that of a draft or series that the operation may have."""
    given = values[kind]
    if not isinstance(given, int) or isinstance(given, bool) or given < 0 or given % 2:
        return values
    return values | {kind: ids[given // 2 % 5]}


def _series(model: type[BaseModel], body: dict[str, Any]) -> dict[str, Any]:
    """A body that is valid becomes one of a series that can be made; what is wrong stays so."""
    components = described("")["components"]
    schema = {"components": components, "$ref": f"#/components/schemas/{model.__name__}"}
    if not Draft202012Validator(schema, validate_formats=True).is_valid(body):
        return body
    try:
        model.model_validate_json(json.dumps(body))
    except ValueError:  # 1.0 is an integer for a schema, and none for the API
        return body
    left_out = {
        *_UNGUESSABLE,
        "except_campaign",
        "only_campaign",
        "reading",
        "since",
        "consent",
        "strict",
        "text",
        "not_after",
        "lead",
    }
    known = {name: value for name, value in body.items() if name not in left_out}
    known |= {"text": "Bonjour", "commercial": True}
    known.pop("reason", None)
    if "version" in known and known["version"] is not None:
        known["version"] = 1
    if known.get("rule") is not None:
        known |= {"rule": RULE}
    if known.get("list") is not None:
        known |= {"list": os.environ[LIST]}
    return known | ({"name": f"fuzzed-{next(_NUMBERS)}"} if "name" in known else {})


@schemathesis.hook
def map_query(context: schemathesis.HookContext, query: Any) -> Any:
    """The version that the drafts to be deleted have."""
    assert context.operation is not None
    name = context.operation.definition.raw.get("operationId")
    version = query.get("version") if name == "discard_draft" and isinstance(query, dict) else None
    return query | {"version": _WRITTEN} if _is_version(version) else query


def _is_tag(values: Any) -> bool:
    """One that is wrong on purpose stays as it is."""
    tag = values.get("tag") if isinstance(values, dict) else None
    return isinstance(tag, str) and re.match(PATTERN, tag) is not None


def _is_version(value: Any) -> bool:
    """One that is wrong on purpose stays as it is."""
    return type(value) is int and 0 < value <= LARGEST_VERSION

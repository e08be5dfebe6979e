"""What a fuzzer cannot guess: who can be texted, and which campaigns there are."""

from __future__ import annotations

from typing import Any

import schemathesis
from jsonschema_rs import Draft202012Validator

from dispatcher.contrib.flask.openapi import described
from tests.integration.bench import people

_VALID = Draft202012Validator(
    {"components": described("")["components"], "$ref": "#/components/schemas/NewCampaign"}
)

#: options whose values no schema can tell: which accounts there are, what a text does not go with
_UNGUESSABLE = {"account", "sender", "from_number", "survey", "not_before", "not_after"}

#: campaigns that there are when the fuzzer begins: the ids that each operation is asked with
CAMPAIGNS = {
    "progress": range(1, 11),
    "results": range(1, 11),
    "evidence": range(1, 11),
    "pause": range(11, 21),
    "cancel": range(21, 31),
    "resume": range(31, 41),
}


@schemathesis.hook
def map_path_parameters(context: schemathesis.HookContext, path_parameters: Any) -> Any:
    """Every other id that is one is that of a campaign."""
    assert context.operation is not None
    name = context.operation.definition.raw.get("operationId")
    values = path_parameters.get("campaign") if isinstance(path_parameters, dict) else None
    if not isinstance(values, int) or isinstance(values, bool) or values < 0 or values % 2:
        return path_parameters
    known = CAMPAIGNS[name]
    return path_parameters | {"campaign": known[values // 2 % len(known)]}


@schemathesis.hook
def map_body(context: schemathesis.HookContext, body: Any) -> Any:
    """Much of what is valid is stored: few references, and numbers that belong to nobody."""
    assert context.operation is not None
    if context.operation.path != "/campaigns" or not isinstance(body, dict):
        return body
    if not _VALID.is_valid(body):
        return body
    if len(body["recipients"]) % 2:
        body = {name: value for name, value in body.items() if name not in _UNGUESSABLE}
        body["text"] = "Bonjour"
    reference = f"{body['reference'][:1]}{len(body['recipients'])}"
    return body | {"recipients": people(len(body["recipients"])), "reference": reference}

"""The description of the JSON API, in OpenAPI 3.1."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from dispatcher.campaigns.results import STATES
from dispatcher.contrib.flask import answers, fields
from dispatcher.contrib.flask.budget_bodies import ANSWERS, BODIES, budget_paths
from dispatcher.contrib.flask.draft_paths import draft_paths
from dispatcher.contrib.flask.fields import query
from dispatcher.contrib.flask.list_upload import FORM_TYPE
from dispatcher.contrib.flask.message_api import MESSAGE_ANSWERS, message_paths
from dispatcher.contrib.flask.problems import PROBLEM_JSON
from dispatcher.contrib.flask.series_paths import series_paths
from dispatcher.contrib.flask.spend_api import SPEND_QUERY
from dispatcher.contrib.flask.unreachable_api import LIFT_ANSWERS, Lifting, unreachable_paths

MOST_LISTED = 200
#: the media type of each format of results
RESULT_TYPES = {
    "jsonl": "application/jsonl",
    "csv": "text/csv",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
#: that of any file: generators of clients know no other for bytes
EVIDENCE_TYPE = "application/octet-stream"
#: the largest id of a database
LARGEST_ID = 2**63 - 1
_TEXT = {"type": "string"}
_REF = "#/components/schemas/"
_SAID = {
    400: "The body is not JSON.",
    401: "The token is missing or wrong.",
    403: "A page of another site asked, or this person may not do it.",
    404: "There is no such campaign, draft, series or budget.",
    409: "Its state does not allow that, another version was saved, or the reference is taken.",
    413: "The body is too large.",
    415: "The body is not declared as what it has to be.",
    422: "What was given cannot be used; nothing was stored.",
    500: "The dispatcher is not set up, as without a signing key; its log says what is missing.",
    503: "The database is out of reach.",
}
#: statuses that every operation may answer
_ALWAYS = (401, 403, 413, 503)


def _whole(least: int, most: int) -> dict[str, Any]:
    return {"type": "integer", "minimum": least, "maximum": most}


#: what a list may be asked with
LIST_QUERY = [
    query("limit", "the most to list", _whole(1, MOST_LISTED)),
    query("offset", "how many to pass over", _whole(0, 2**31 - 1)),
    query(
        "state",
        "only campaigns in this state, or in one of these",
        {"type": "array", "items": {"$ref": f"{_REF}CampaignState"}},
    ),
    query(
        "since",
        "only those submitted since this instant, or this day (from midnight in Paris)",
        {"anyOf": [{"type": "string", "format": kind} for kind in ("date-time", "date")]},
    ),
    query("reference", "only the campaign with this reference", _TEXT),
    query("reference_prefix", "only those whose reference begins with this", _TEXT),
    fields.TAG_QUERY,
    query("account", "only those that go through this account", _TEXT),
]

#: what evidence may be asked with
EVIDENCE_QUERY = [fields.NUMBERS_QUERY]
#: what results may be asked with
RESULTS_QUERY = [
    query(
        "format",
        "the format of the file; without it the header Accept decides, and else it is JSON lines",
        {"type": "string", "enum": [*RESULT_TYPES]},
    ),
    fields.NUMBERS_QUERY,
    query(
        "state",
        "only recipients in this state, or in one of these; the sums are of all",
        {"type": "array", "items": {"type": "string", "enum": [*STATES]}},
    ),
]


def described(prefix: str) -> dict[str, Any]:
    """The description of an API that is served under ``prefix``."""
    campaign = [
        {
            "name": "campaign",
            "in": "path",
            "required": True,
            "description": "the campaign's `id`",
            "schema": _whole(0, LARGEST_ID),
        }
    ]
    one = _reference("Progress")
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "SMS campaigns",
            "version": version("sms-campaign-dispatcher"),
            "description": "Nobody is texted twice: the same reference is the same campaign.",
        },
        "servers": [{"url": prefix or "/"}],
        "security": [{"token": []}],
        "paths": {
            "/campaigns": {
                "get": _operation(
                    "campaigns", "List campaigns, the latest first", _reference("List"), 422,
                    parameters=LIST_QUERY,
                ),
                "post": _operation(
                    "submit", "Submit a campaign; the same again changes nothing",
                    _reference("Submitted"), 400, 409, 415, 422,
                    body="NewCampaign", created=True,
                ),
            },
            "/campaigns/{campaign}": {
                "get": _operation("progress", "Where every recipient stands", one, 404),
                "parameters": campaign,
            },
            "/campaigns/{campaign}/results": {
                "get": _operation(
                    "results", "What became of each recipient, from one snapshot",
                    {}, 404, 422, parameters=RESULTS_QUERY, file=_RESULTS,
                ),
                "parameters": campaign,
            },
            "/campaigns/{campaign}/evidence": {
                "get": _operation(
                    "evidence", "All that is known of a campaign, in one signed file",
                    {}, 404, 422, 500, parameters=EVIDENCE_QUERY, file=_EVIDENCE,
                ),
                "parameters": campaign,
            },
            **{
                f"/campaigns/{{campaign}}/{verb}": {
                    "post": _operation(
                        verb, says, one, 400, 404, 409, 415, 422, body="Reason", optional=True
                    ),
                    "parameters": campaign,
                }
                for verb, says in (
                    ("pause", "Let nothing more leave; what is in flight is reported"),
                    ("resume", "Let a paused campaign run again"),
                    ("cancel", "End a campaign for good: what has not left never will"),
                )
            },
            "/spend": {
                "get": _operation(
                    "spend", "What campaigns cost, by month, account, tag, territory or campaign",
                    _reference("Spend"), 422, parameters=SPEND_QUERY,
                )
            },
            **message_paths(_operation, _reference),
            **budget_paths(_operation, _reference),
            **draft_paths(_operation, _reference, _whole(0, LARGEST_ID)),
            **series_paths(_operation, _reference, _whole(0, LARGEST_ID)),
            **unreachable_paths(_operation, _reference),
            "/openapi.json": {
                "get": {
                    "operationId": "openapi",
                    "summary": "This description",
                    "security": [],
                    "responses": {"200": _answer("The description.", {"type": "object"})}
                    | {str(status): _problem(status) for status in (403, 413)},
                }
            },
        },
        "components": {"securitySchemes": fields.SECURITY, "schemas": _schemas()},
    }  # fmt: skip


_LINES = "A file; each JSON line is an object, the last one has the sums."
_OF_KIND = {kind: {"schema": _TEXT} for kind in RESULT_TYPES.values()}
_RESULTS = {"description": _LINES, "content": _OF_KIND}
_EVIDENCE = {
    "description": "A ZIP; `dispatcher evidence verify` checks it.",
    "content": {EVIDENCE_TYPE: {"schema": _TEXT | {"format": "binary"}}},
}


def _operation(
    name: str,
    summary: str,
    schema: dict[str, Any],
    *statuses: int,
    parameters: list[dict[str, Any]] | None = None,
    body: str = "",
    form: bool = False,
    optional: bool = False,
    created: bool = False,
    file: dict[str, Any] | None = None,
    tag: str = "campaigns",
    success: int = 200,
) -> dict[str, Any]:
    operation: dict[str, Any] = {"operationId": name, "summary": summary, "tags": [tag]}
    if parameters:
        operation["parameters"] = parameters
    if body:
        content = {FORM_TYPE if form else "application/json": {"schema": _reference(body)}}
        operation["requestBody"] = {"required": not optional, "content": content}
    answers = {str(success): _answer("As it stands now.", schema)}
    if file:
        answers["200"] = file
    if created:
        links = {
            verb: {"operationId": verb, "parameters": {"campaign": "$response.body#/id"}}
            for verb in ("progress", "pause", "resume", "cancel")
        }
        header = {"Location": {"description": "the campaign", "schema": _TEXT}}
        more = {"headers": header, "links": links}
        answers["200"] |= {"description": "It was there already.", **more}
        answers["201"] = _answer("It is stored.", schema) | more
    problems = {str(status): _problem(status) for status in sorted({*_ALWAYS, *statuses})}
    return operation | {"responses": answers | problems}


def _answer(description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _problem(status: int) -> dict[str, Any]:
    schema = {"schema": _reference("Problem")}
    return {"description": _SAID[status], "content": {PROBLEM_JSON: schema}}


def _reference(name: str) -> dict[str, Any]:
    return {"$ref": f"{_REF}{name}"}


def _schemas() -> dict[str, Any]:
    told = answers.Progress, answers.Submitted, answers.List, answers.Spend, answers.Problem
    answered: tuple[type[BaseModel], ...] = (*told, *ANSWERS, *LIFT_ANSWERS, *MESSAGE_ANSWERS)
    taken: tuple[type[BaseModel], ...] = (*BODIES, Lifting)
    _, schemas = models_json_schema(
        [(body, "validation") for body in taken]
        + [(answer, "serialization") for answer in answered],
        ref_template=f"{_REF}{{model}}",
    )
    return dict(schemas["$defs"])

"""The paths of drafts in the description of the JSON API."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from dispatcher.contrib.flask.draft_bodies import LARGEST_VERSION

#: path behind the draft -> operation, summary, the model of the body
_STEPS: Final = {
    "plan": ("plan_draft", "Plan it: its approval is of exactly this plan", "Version"),
    "hand-in": ("hand_in_draft", "Ask for the approval of somebody else", "Version"),
    "take-back": ("take_back_draft", "Take back what was handed in", "Version"),
    "approve": ("approve_draft", "Approve and submit it; no writer of it may", "Approval"),
    "refuse": ("refuse_draft", "Give it back to its writers; none of them may", "Reason"),
    "submit": ("submit_draft", "Submit it where no approval is asked for", "Version"),
}
#: what a deletion is asked with
VERSION_QUERY: Final[list[dict[str, Any]]] = [
    {
        "name": "version",
        "in": "query",
        "required": True,
        "description": "the version that is deleted",
        "schema": {"type": "integer", "minimum": 1, "maximum": LARGEST_VERSION},
    }
]


def draft_paths(
    operation: Callable[..., dict[str, Any]],
    reference: Callable[[str], dict[str, Any]],
    identifier: dict[str, Any],
) -> dict[str, Any]:
    """The paths; ``identifier`` is the schema of an id."""
    key = {
        "name": "draft",
        "in": "path",
        "required": True,
        "description": "the draft's `id`",
        "schema": identifier,
    }
    one, change = reference("Draft"), (400, 404, 409, 415, 422)
    steps = {
        f"/drafts/{{draft}}/{path}": {
            "post": operation(
                name,
                summary,
                reference("PlannedDraft") if path == "plan" else one,
                *change,
                body=body,
                tag="drafts",
            ),
            "parameters": [key],
        }
        for path, (name, summary, body) in _STEPS.items()
    }
    return {
        "/drafts": {
            "get": operation("drafts", "List drafts", reference("Drafts"), tag="drafts"),
            "post": operation(
                "write_draft", "Write a draft", one, 400, 409, 415, 422,
                body="NewCampaign", tag="drafts", success=201,
            ),
        },
        "/drafts/{draft}": {
            "get": operation("draft", "Show a draft", one, 404, tag="drafts"),
            "put": operation(
                "change_draft", "Save all of a draft anew", one, *change,
                body="ChangedDraft", tag="drafts",
            ),
            "delete": operation(
                "discard_draft", "Delete a draft and its list; answers what it was", one,
                404, 409, 422, tag="drafts", parameters=VERSION_QUERY,
            ),
            "parameters": [key],
        },
        "/drafts/{draft}/list": {
            "put": operation(
                "upload_list", "Save a file as the list of a draft", one, 404, 409, 415, 422,
                body="ListUpload", form=True, tag="drafts",
            ),
            "parameters": [key],
        },
        "/drafts/{draft}/rejected": {
            "get": operation(
                "rejected_rows", "The rows that get no message, and why",
                reference("RejectedRows"), 404, 422, tag="drafts",
            ),
            "parameters": [key],
        },
        **steps,
    }  # fmt: skip

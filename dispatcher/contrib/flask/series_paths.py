"""The paths of series in the description of the JSON API."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

#: bodies without which nothing can be done
_NEEDED: Final = {"ChangedSeries", "SeriesCap"}
#: path behind the series -> operation, summary, the model of the body
_STEPS: Final = {
    "change": ("change_series", "Change it from its next occurrence on", "ChangedSeries"),
    "pause": ("pause_series", "Skip what begins until it is resumed", "Reason"),
    "resume": ("resume_series", "Make its occurrences again", "Reason"),
    "skip": ("skip_occurrence", "Skip its next occurrence", "SkippedOccurrence"),
    "approve": (
        "approve_series",
        "Let its occurrences run up to a cap; no writer of it may approve it",
        "SeriesCap",
    ),
    "end-approval": (
        "end_approval",
        "Let each occurrence wait for an approval of its own again",
        "Reason",
    ),
    "end": ("end_series", "End it for good; campaigns that were made go on", "Reason"),
}


def series_paths(
    operation: Callable[..., dict[str, Any]],
    reference: Callable[[str], dict[str, Any]],
    identifier: dict[str, Any],
) -> dict[str, Any]:
    """The paths; ``identifier`` is the schema of an id."""
    key = {
        "name": "series",
        "in": "path",
        "required": True,
        "description": "the series' `id`",
        "schema": identifier,
    }
    one = reference("Series")
    steps = {
        f"/series/{{series}}/{path}": {
            "post": operation(
                name, summary, one, 400, 404, 409, 415, 422, 500,
                body=body, optional=body not in _NEEDED, tag="series",
            ),
            "parameters": [key],
        }
        for path, (name, summary, body) in _STEPS.items()
    }  # fmt: skip
    return {
        "/series": {
            "get": operation("all_series", "List series", reference("AllSeries"), tag="series"),
            "post": operation(
                "add_series", "Set up a series", one, 400, 409, 415, 422, 500,
                body="NewSeries", tag="series", success=201,
            ),
        },
        "/series/{series}": {
            "get": operation(
                "series", "Show a series, its last occurrences, and those to come",
                reference("ShownSeries"), 404, tag="series",
            ),
            "parameters": [key],
        },
        "/series/{series}/plan": {
            "get": operation(
                "plan_series", "What its next occurrence would do with the list as it is now",
                reference("SeriesPlan"), 404, 409, 422, 500, tag="series",
            ),
            "parameters": [key],
        },
        **steps,
    }  # fmt: skip

"""What campaigns cost, in the JSON API."""

from __future__ import annotations

from typing import Any, Final

from flask import Response, current_app, jsonify, request

from dispatcher.campaigns.period import Period
from dispatcher.campaigns.spend import By
from dispatcher.contrib.flask.fields import TAG_QUERY, query
from dispatcher.contrib.flask.library import library_of

_WHEN: Final[dict[str, Any]] = {
    "anyOf": [
        {"type": "string", "pattern": r"^20[0-9]{2}-(0[1-9]|1[0-2])$"},
        *({"type": "string", "format": kind} for kind in ("date", "date-time")),
    ]
}


#: what it may be asked with
SPEND_QUERY: Final = [
    query("by", "what the rows are; by default months", {"type": "string", "enum": [*By]}),
    query("from", "from this month or day of Paris, or this instant, on", _WHEN),
    query("to", "to the end of this month or day, or until this instant", _WHEN),
    TAG_QUERY,
    query("account", "only what goes through this account", {"type": "string"}),
]


def spend() -> Response:
    """The table; its name is the ``operationId`` in the description."""
    given, library = request.args, library_of(current_app)
    if "account" in given:
        library = library.for_account(given["account"])
    period = Period.of(given.get("from"), given.get("to"))
    found = library.spend(
        given.get("by", By.MONTH.value),
        since=period.since,
        until=period.until,
        tag=given.getlist("tag"),
    )
    return jsonify(found.as_json())

"""Series in the JSON API: set up, shown, planned, changed, paused, skipped, approved and ended."""

from __future__ import annotations

import json
from datetime import timedelta
from http import HTTPStatus
from typing import Any, Final

from flask import Blueprint, Response, current_app, jsonify, url_for

from dispatcher.api import Dispatcher
from dispatcher.api.actor import checked_reason
from dispatcher.campaigns.draft import planned
from dispatcher.campaigns.series import LEAD, SERIES_OPTIONS
from dispatcher.campaigns.smoothing import merged
from dispatcher.contrib.flask.draft_api import acting
from dispatcher.contrib.flask.library import library_of
from dispatcher.contrib.flask.openapi import MOST_LISTED
from dispatcher.contrib.flask.problems import id_of
from dispatcher.contrib.flask.routes import reasoned, route
from dispatcher.contrib.flask.schemas import read
from dispatcher.contrib.flask.series_bodies import (
    ChangedSeries,
    NewSeries,
    SeriesCap,
    SkippedOccurrence,
)
from dispatcher.errors import InvalidCampaign

_ACTOR: Final = "JSON API"
_SERIES: Final = "/series/<series>"
#: occurrences of each kind that are shown
_SHOWN: Final = 20


def route_series(blueprint: Blueprint, body_limit: int) -> None:
    """Add the paths of series."""
    views = _Views(body_limit)
    route(blueprint, "/series", GET=views.all_series, POST=acting(views.add_series))
    route(blueprint, _SERIES, GET=views.series)
    route(blueprint, f"{_SERIES}/plan", GET=views.plan_series)
    for path, view in (
        ("change", views.change_series),
        ("pause", views.pause_series),
        ("resume", views.resume_series),
        ("skip", views.skip_occurrence),
        ("approve", views.approve_series),
        ("end-approval", views.end_approval),
        ("end", views.end_series),
    ):
        route(blueprint, f"{_SERIES}/{path}", POST=acting(view))


class _Views:
    """The views; the name of each is the ``operationId`` in the description."""

    def __init__(self, body_limit: int) -> None:
        self._limit = body_limit

    def all_series(self) -> Response:
        return jsonify(series=[one.as_json() for one in _library().series.all(limit=MOST_LISTED)])

    def add_series(self) -> tuple[Response, int, dict[str, str]]:
        body = read(NewSeries, self._limit)
        given = _given(body) | {name: getattr(body, name) for name in SERIES_OPTIONS}
        given["not_after"] = given.get("not_after") or None
        added = _library().series.add(body.name, **{"lead": LEAD, **given}, by=_ACTOR)
        where = {"Location": url_for(".series", series=added.id)}
        return jsonify(added.as_json()), HTTPStatus.CREATED, where

    def series(self, series: str) -> Response:
        service = _library().series
        found = service.get(id_of(series))
        past = service.occurrences(found.id, limit=_SHOWN)
        coming = service.coming(found.id, limit=_SHOWN)
        return jsonify(
            found.as_json()
            | {
                "occurrences": [one.as_json() for one in past],
                "coming": [one.as_json() for one in coming],
            }
        )

    def plan_series(self, series: str) -> Response:
        return jsonify(plan=json.loads(planned(_library().series.plan(id_of(series)))))

    def change_series(self, series: str) -> Response:
        body = read(ChangedSeries, self._limit)
        service, given = _library().series, _given(body)
        found = service.get(id_of(series))
        # what was read is the version that changes, also for whoever names none
        given["version"] = body.version or found.version
        if said := SERIES_OPTIONS & body.model_fields_set:
            given["options"] = merged(found.options, {name: getattr(body, name) for name in said})
        return jsonify(service.change(found.id, **given, by=_ACTOR).as_json())

    def pause_series(self, series: str) -> Response:
        return jsonify(
            _library().series.pause(id_of(series), **reasoned(self._limit, _ACTOR)).as_json()
        )

    def resume_series(self, series: str) -> Response:
        return jsonify(
            _library().series.resume(id_of(series), **reasoned(self._limit, _ACTOR)).as_json()
        )

    def skip_occurrence(self, series: str) -> Response:
        body = read(SkippedOccurrence, self._limit, default=SkippedOccurrence())
        why = {"reason": checked_reason(body.reason), "by": _ACTOR}
        return jsonify(_library().series.skip(id_of(series), at=body.at, **why).as_json())

    def approve_series(self, series: str) -> Response:
        body = read(SeriesCap, self._limit)
        return jsonify(_library().series.approve(id_of(series), **dict(body)).as_json())

    def end_approval(self, series: str) -> Response:
        return jsonify(
            _library().series.end_approval(id_of(series), **reasoned(self._limit, _ACTOR)).as_json()
        )

    def end_series(self, series: str) -> Response:
        return jsonify(
            _library().series.end(id_of(series), **reasoned(self._limit, _ACTOR)).as_json()
        )


def _given(body: ChangedSeries | NewSeries) -> dict[str, Any]:
    """What a body says, as the library takes it. Raises InvalidCampaign for a list."""
    names = ("rule", "text", "since", "missed", "reading")
    given = {name: getattr(body, name) for name in names if getattr(body, name) is not None}
    for name in ("lead", "not_after"):
        if (seconds := getattr(body, name)) is not None:
            given[name] = timedelta(seconds=seconds)
    if body.list_ is not None:
        # a name is called, and a file is opened: whoever has the token may not choose any
        if body.list_ not in _library().settings.series_lists:
            raise InvalidCampaign(
                "the JSON API may name one of DISPATCHER_SERIES_LISTS as the list of a series, and"
                " this is none of them"
            )
        given["source"] = body.list_
    return given


def _library() -> Dispatcher:
    return library_of(current_app)

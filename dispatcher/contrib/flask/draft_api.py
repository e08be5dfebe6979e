"""Drafts in the JSON API. Who acts is who is signed in to the app, and never a field of a body."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from itertools import islice
from typing import Any, Final

from flask import Blueprint, Response, current_app, jsonify, url_for

from dispatcher.api.actor import holding_token
from dispatcher.api.draft_lists import storable
from dispatcher.api.drafts import Drafts
from dispatcher.campaigns.draft import OPTIONS
from dispatcher.contrib.flask.draft_bodies import (
    LARGEST_VERSION,
    Approval,
    ChangedDraft,
    Version,
)
from dispatcher.contrib.flask.library import library_of
from dispatcher.contrib.flask.list_upload import ListUpload
from dispatcher.contrib.flask.openapi import MOST_LISTED
from dispatcher.contrib.flask.problems import id_of
from dispatcher.contrib.flask.routes import route, whole_number
from dispatcher.contrib.flask.schemas import NewCampaign, Reason, read
from dispatcher.recipients.recipient import MOST_REJECTED

#: who acts where the app names nobody: it writes and plans, and approves nothing
_HOLDER: Final = "JSON API"
_DRAFT: Final = "/drafts/<draft>"


def route_drafts(blueprint: Blueprint, body_limit: int) -> None:
    """Add the paths of drafts."""
    views = _Views(body_limit)
    route(blueprint, "/drafts", GET=acting(views.drafts), POST=acting(views.write_draft))
    route(
        blueprint,
        _DRAFT,
        GET=acting(views.draft),
        PUT=acting(views.change_draft),
        DELETE=acting(views.discard_draft),
    )
    route(blueprint, f"{_DRAFT}/list", PUT=acting(views.upload_list))
    route(blueprint, f"{_DRAFT}/rejected", GET=acting(views.rejected_rows))
    for path, view in (
        ("plan", views.plan_draft),
        ("hand-in", views.hand_in_draft),
        ("take-back", views.take_back_draft),
        ("approve", views.approve_draft),
        ("refuse", views.refuse_draft),
        ("submit", views.submit_draft),
    ):
        route(blueprint, f"{_DRAFT}/{path}", POST=acting(view))


def acting(view: Callable[..., Any]) -> Callable[..., Any]:
    """The view, in which the holder of the token acts unless the app names a person."""

    @wraps(view)
    def acting(**values: str) -> Any:
        with holding_token(_HOLDER):
            return view(**values)

    return acting


class _Views:
    """The views; the name of each is the ``operationId`` in the description."""

    def __init__(self, body_limit: int) -> None:
        self._limit = body_limit

    def drafts(self) -> Response:
        return jsonify(drafts=[one.as_json() for one in _drafts().all(limit=MOST_LISTED)])

    def write_draft(self) -> tuple[Response, int, dict[str, str]]:
        body = read(NewCampaign, self._limit)
        rows = storable(body.recipients)  # first: an unusable list leaves no draft behind
        draft = _drafts().create(body.reference, body.text, **_options(body))
        draft = _drafts().set_list(draft.id, rows, version=draft.version)
        where = {"Location": url_for(".draft", draft=draft.id)}
        return jsonify(draft.as_json()), HTTPStatus.CREATED, where

    def draft(self, draft: str) -> Response:
        return jsonify(_drafts().get(id_of(draft)).as_json())

    def change_draft(self, draft: str) -> Response:
        body = read(ChangedDraft, self._limit)
        changed = _drafts().save(
            id_of(draft),
            version=body.version,
            text=body.text,
            options=_options(body),
            recipients=body.recipients,
        )
        return jsonify(changed.as_json())

    def upload_list(self, draft: str) -> Response:
        form, name = ListUpload.of_request(self._limit)
        with form.opened() as people:
            saved = _drafts().set_list(id_of(draft), people, version=form.version, source=name)
        return jsonify(saved.as_json())

    def rejected_rows(self, draft: str) -> Response:
        rows = islice(_drafts().rejected(id_of(draft)), MOST_REJECTED)
        return jsonify(rejected=[one.as_json() for one in rows])

    def plan_draft(self, draft: str) -> Response:
        planned, plan = _drafts().plan(id_of(draft), version=self._version())
        return jsonify(planned.as_json() | {"warnings": list(plan.warnings)})

    def hand_in_draft(self, draft: str) -> Response:
        return jsonify(_drafts().hand_in(id_of(draft), version=self._version()).as_json())

    def take_back_draft(self, draft: str) -> Response:
        return jsonify(_drafts().take_back(id_of(draft), version=self._version()).as_json())

    def approve_draft(self, draft: str) -> Response:
        body = read(Approval, self._limit)
        approved = _drafts().approve(id_of(draft), fingerprint=body.fingerprint, reason=body.reason)
        return jsonify(approved.as_json())

    def refuse_draft(self, draft: str) -> Response:
        reason = read(Reason, self._limit).reason
        return jsonify(_drafts().refuse(id_of(draft), reason=reason).as_json())

    def submit_draft(self, draft: str) -> Response:
        return jsonify(_drafts().submit(id_of(draft), version=self._version()).as_json())

    def discard_draft(self, draft: str) -> Response:
        key = id_of(draft)
        version = whole_number("version", None, 1, LARGEST_VERSION)
        found = _drafts().get(key)
        _drafts().discard(key, version=version)
        return jsonify(found.as_json())

    def _version(self) -> int:
        return read(Version, self._limit).version


def _drafts() -> Drafts:
    return library_of(current_app).drafts


def _options(body: NewCampaign) -> dict[str, Any]:
    return {name: getattr(body, name) for name in OPTIONS}

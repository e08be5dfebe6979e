"""The JSON API: submit, list, show, pause, resume and cancel campaigns; drafts are beside it."""

from __future__ import annotations

from http import HTTPStatus
from typing import cast

from flask import Blueprint, Flask, Response, current_app, jsonify, request, url_for
from flask.blueprints import BlueprintSetupState
from werkzeug.exceptions import NotFound

from dispatcher import errors
from dispatcher.api import Dispatcher
from dispatcher.campaigns.selection import SEVERAL, which_of
from dispatcher.contrib.flask import auth as guards
from dispatcher.contrib.flask.budget_api import route_budgets
from dispatcher.contrib.flask.draft_api import route_drafts
from dispatcher.contrib.flask.draft_paths import VERSION_QUERY
from dispatcher.contrib.flask.library import library_of
from dispatcher.contrib.flask.message_api import MESSAGES_QUERY, route_messages
from dispatcher.contrib.flask.openapi import (
    EVIDENCE_QUERY,
    LIST_QUERY,
    MOST_LISTED,
    RESULTS_QUERY,
    described,
)
from dispatcher.contrib.flask.problems import Problem, answer_as, id_of, problem_of, unknown
from dispatcher.contrib.flask.results import streamed_evidence, streamed_results
from dispatcher.contrib.flask.routes import METHODS, reasoned, route, whole_number
from dispatcher.contrib.flask.schemas import NewCampaign, read
from dispatcher.contrib.flask.series_api import route_series
from dispatcher.contrib.flask.spend_api import SPEND_QUERY, spend
from dispatcher.contrib.flask.unreachable_api import UNREACHABLE_QUERY, route_unreachable
from dispatcher.recipients import Rejection
from dispatcher.recipients.recipient import MOST_REJECTED

#: who acts, on the record of actions
_ACTOR = "JSON API"
_CAMPAIGN = "/campaigns/<campaign>"
#: what an operation may be asked with
_QUERIES = {
    "campaigns": LIST_QUERY,
    "results": RESULTS_QUERY,
    "evidence": EVIDENCE_QUERY,
    "discard_draft": VERSION_QUERY,
    "spend": SPEND_QUERY,
    "messages": MESSAGES_QUERY,
    "unreachable": UNREACHABLE_QUERY,
}


def api(*, body_limit: int = 16 * 2**20) -> Blueprint:
    """The JSON API, to be registered on an app: ``register_blueprint(api(), url_prefix=…)``.

    Every request carries the token of the setting ``web_token`` (``Authorization: Bearer …``);
    registering raises ConfigurationError without one. ``openapi.json`` beside the rest describes
    it all, and is the same everywhere, so it needs no token. ``body_limit`` is in bytes.
    A ``before_request`` of the app that asks for a login lets ``dispatcher_api`` through.
    """
    blueprint = Blueprint("dispatcher_api", __name__)
    views = _Views(body_limit)
    blueprint.record(_check)
    guards.exempt_from_csrf(blueprint)
    blueprint.before_request(views.guard)
    blueprint.after_request(guards.close)
    answer_as(blueprint, pages=False)
    route(blueprint, "/campaigns", GET=views.campaigns, POST=views.submit)
    route(blueprint, _CAMPAIGN, GET=views.progress)
    route(blueprint, f"{_CAMPAIGN}/results", GET=views.results)
    route(blueprint, f"{_CAMPAIGN}/evidence", GET=views.evidence)
    route(blueprint, f"{_CAMPAIGN}/pause", POST=views.pause)
    route(blueprint, f"{_CAMPAIGN}/resume", POST=views.resume)
    route(blueprint, f"{_CAMPAIGN}/cancel", POST=views.cancel)
    route(blueprint, "/spend", GET=spend)
    route_messages(blueprint)
    route_budgets(blueprint, body_limit, _ACTOR)
    route_drafts(blueprint, body_limit)
    route_series(blueprint, body_limit)
    route_unreachable(blueprint, body_limit)
    route(blueprint, "/openapi.json", GET=views.openapi)
    for rule in ("/", "/<path:_>"):
        blueprint.add_url_rule(rule, "nothing", _nothing, methods=METHODS)
    return blueprint


class _Views:
    """The views; the name of each is the ``operationId`` in the description."""

    def __init__(self, body_limit: int) -> None:
        self._limit = body_limit

    def guard(self) -> None:
        guards.refuse_foreign()
        if request.endpoint != f"{request.blueprint}.openapi":
            guards.require_bearer()
        guards.refuse_larger_than(self._limit)
        _check_query()

    def campaigns(self) -> Response:
        offset, limit = (
            whole_number("offset", 0, 0, 2**31 - 1),
            whole_number("limit", 50, 1, MOST_LISTED),
        )
        library = _library()
        if "account" in request.args:
            library = library.for_account(request.args["account"])
        page = library.page(offset, limit, **which_of(dict(request.args.lists())))
        return jsonify(campaigns=[one.as_json() for one in page], total=page.total)

    def submit(self) -> tuple[Response, int, dict[str, str]]:
        body = read(NewCampaign, self._limit)
        known = _is_known(body.reference)
        rejected: list[Rejection] = []

        def reject(one: Rejection) -> None:
            if len(rejected) < MOST_REJECTED:
                rejected.append(one)

        try:
            campaign = _library().submit(
                body.reference,
                body.text,
                body.recipients,
                reject=reject,
                **body.options(by=_ACTOR),
            )
        except errors.UnusableInput as error:
            problem = problem_of(error)
            problem.rejected = rejected
            raise problem from None
        answer = _library().progress(campaign).as_json()
        answer["rejected"] = [one.as_json() for one in rejected]
        answer["warnings"] = list(campaign.impersonal)
        where = {"Location": url_for(".progress", campaign=campaign)}
        return jsonify(answer), HTTPStatus.OK if known else HTTPStatus.CREATED, where

    def progress(self, campaign: str) -> Response:
        return jsonify(_library().progress(id_of(campaign)).as_json())

    def results(self, campaign: str) -> Response:
        return streamed_results(_library(), id_of(campaign), _ACTOR)

    def evidence(self, campaign: str) -> Response:
        return streamed_evidence(_library(), id_of(campaign), _ACTOR)

    def pause(self, campaign: str) -> Response:
        return jsonify(_library().pause(id_of(campaign), **reasoned(self._limit, _ACTOR)).as_json())

    def resume(self, campaign: str) -> Response:
        return jsonify(
            _library().resume(id_of(campaign), **reasoned(self._limit, _ACTOR)).as_json()
        )

    def cancel(self, campaign: str) -> Response:
        return jsonify(
            _library().cancel(id_of(campaign), **reasoned(self._limit, _ACTOR)).as_json()
        )

    def openapi(self) -> Response:
        return jsonify(described(url_for(".openapi").removesuffix("/openapi.json")))


def _check(state: BlueprintSetupState) -> None:
    guards.check_token(cast("Flask", state.app), "the JSON API lets nobody in without one")


def _nothing(**_: object) -> Response:
    raise NotFound("there is nothing at this address; openapi.json says what there is")


def _library() -> Dispatcher:
    return library_of(current_app)


def _is_known(reference: str) -> bool:
    try:
        _library().progress(reference)
    except errors.NotFound:
        return False
    return True


def _check_query() -> None:
    """Raise Problem (422) for a parameter that the operation does not have, or has twice."""
    _, _, operation = (request.endpoint or "").rpartition(".")
    if operation.startswith("not_"):  # its method is refused, whatever it is asked with
        return
    known = [one["name"] for one in _QUERIES.get(operation, [])]
    for name, values in request.args.lists():
        if name not in known:
            raise unknown("query parameter", name, known)
        if len(values) > 1 and name not in SEVERAL:
            sentence = f"{name} is given {len(values)} times: give it once"
            raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "unusable_input", sentence)

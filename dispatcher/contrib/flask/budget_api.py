"""Budgets of campaign tags in the JSON API."""

from __future__ import annotations

from flask import Blueprint, Response, current_app, jsonify

from dispatcher.api.budgets import Budgets
from dispatcher.contrib.flask.budget_bodies import MonthlyBudget
from dispatcher.contrib.flask.library import library_of
from dispatcher.contrib.flask.routes import route
from dispatcher.contrib.flask.schemas import read


def route_budgets(blueprint: Blueprint, body_limit: int, actor: str) -> None:
    """Add the paths of budgets; ``actor`` is who acts, on the record of actions."""
    views = _Views(body_limit, actor)
    route(blueprint, "/budgets", GET=views.budgets)
    # a tag may hold a slash
    route(blueprint, "/budgets/<path:tag>", PUT=views.set_budget, DELETE=views.remove_budget)


class _Views:
    """The views; the name of each is the ``operationId`` in the description."""

    def __init__(self, body_limit: int, actor: str) -> None:
        self._limit, self._actor = body_limit, actor

    def budgets(self) -> Response:
        return jsonify(budgets=[one.as_json() for one in _budgets().all()])

    def set_budget(self, tag: str) -> Response:
        body = read(MonthlyBudget, self._limit)
        found = _budgets().set(tag, body.euros, reason=body.reason, by=self._actor)
        return jsonify(found.as_json())

    def remove_budget(self, tag: str) -> Response:
        return jsonify(_budgets().remove(tag, by=self._actor).as_json())


def _budgets() -> Budgets:
    return library_of(current_app).budgets

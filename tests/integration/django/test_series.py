"""The list of a series may be a QuerySet, a manager, or a function that returns one."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from flask import Flask

from dispatcher import InvalidCampaign
from dispatcher.api.occurrences import Occurrences
from dispatcher.contrib.django import dispatcher
from dispatcher.contrib.django.testing import texts
from dispatcher.contrib.flask import Dispatcher as Extension

READING = {"phone": "mobile", "fields": {"prenom": "first_name"}, "key": "pk"}
OFTEN: dict[str, Any] = {
    "rule": "FREQ=DAILY;BYHOUR=12",
    "text": "Bonjour {{ prenom }}",
    "reading": READING,
    "lead": timedelta(days=3),
}


@pytest.fixture
def lists(customers: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> Any:
    """A module of the project with lists of customers."""
    module: Any = ModuleType("lists_of_the_shop")
    all_ = customers(2)
    module.everybody, module.Customer = all_, all_.model
    module.fridays = lambda: all_.model.objects.filter(consented=True)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return module


@pytest.mark.parametrize("name", ["everybody", "fridays", "Customer.objects"])
def test_list_of_a_series_is_queried_anew_for_each_occurrence(
    shop: str, lists: Any, name: str, customers: Callable[..., Any]
) -> None:
    series = dispatcher.series
    added = series.add("daily", source=f"lists_of_the_shop:{name}", **OFTEN)
    assert series.plan("daily").kept == 2
    lists.Customer.objects.create(first_name="Ada", mobile="06 39 98 00 77", consented=True)
    Occurrences(series).make_due()
    assert added.next_at is not None
    assert texts(added.reference(added.next_at)) == {
        "+33639980000": "Bonjour Zoé0",
        "+33639980001": "Bonjour Zoé1",
        "+33639980077": "Bonjour Ada",
    }


def test_list_of_a_series_is_queried_by_django_beside_a_flask_app(
    sqlite_shop: str, lists: Any, tmp_path: Path
) -> None:
    app = Flask("shop")
    app.config["DISPATCHER_DATABASE_URL"] = f"sqlite:///{tmp_path}/flask.db"
    Extension(app)
    dispatcher.series.add("daily", source="lists_of_the_shop:everybody", **OFTEN)
    assert dispatcher.series.plan("daily").kept == 2


@pytest.mark.parametrize(
    ("name", "more", "says"),
    [
        ("everybody", {"reading": {"phone": "none"}}, "no such field"),
        ("Customer", {}, "needed, not one Customer"),
    ],
)
def test_list_of_a_series_that_cannot_be_queried_is_told_when_it_is_set_up(
    sqlite_shop: str, lists: Any, name: str, more: dict[str, Any], says: str
) -> None:
    with pytest.raises(InvalidCampaign, match=says):
        dispatcher.series.add("daily", source=f"lists_of_the_shop:{name}", **OFTEN | more)

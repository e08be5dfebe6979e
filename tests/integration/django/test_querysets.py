"""Recipients from all that a project may have them in: queries, models, rows, with their names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db.models import F

from dispatcher import InvalidCampaign, Rejection
from dispatcher.contrib.django import dispatcher
from dispatcher.contrib.django.testing import texts

Customers = Callable[..., Any]
TEXT = "Bonjour {{ prenom }}"
FIELDS = {"prenom": "first_name"}
EXPECTED = {f"+3363998000{number}": f"Bonjour Zoé{number}" for number in range(2)}

RAW = "SELECT id, mobile, first_name, 'Z' || first_name AS nick FROM shop_customer"


def named(all_: Any) -> Any:
    return all_.order_by().values("mobile", "first_name")


@pytest.mark.parametrize(
    "people",
    [
        lambda all_: all_.model.objects,
        lambda all_: all_.only("pk"),
        lambda all_: all_.values_list("mobile", "first_name"),
        lambda all_: all_.values_list("first_name", "mobile", named=True),
        lambda all_: all_.values_list("first_name", "mobile", named=True).iterator(),
        lambda all_: all_.iterator(),
        lambda all_: all_.values().iterator(),
        lambda all_: list(all_),
        lambda all_: tuple(all_.values()),
        lambda all_: [all_[0], {"mobile": all_[1].mobile, "first_name": "Zoé1"}],
        lambda all_: (one for one in all_),
        lambda all_: all_.model.objects.raw(RAW),
        lambda all_: all_.order_by().union(all_.model.objects.filter(consented=True)),
        lambda all_: named(all_).intersection(named(all_)),
        lambda all_: all_[:2],
        lambda all_: all_.distinct(),
    ],
)
def test_people_are_taken_with_the_fields_that_the_caller_names(
    shop: str, customers: Customers, people: Callable[[Any], Any]
) -> None:
    all_ = customers(2)
    arguments: dict[str, Any] = {"phone": "mobile", "fields": FIELDS}
    assert dispatcher.plan(TEXT, people(all_), **arguments).kept == 2

    dispatcher.submit("soldes", TEXT, people(all_), **arguments)

    assert texts("soldes") == EXPECTED


@pytest.mark.parametrize(
    "people",
    [
        lambda all_: all_.values_list("mobile", flat=True),
        lambda all_: all_.values_list("mobile"),
        lambda all_: all_.values_list("mobile", flat=True).iterator(),
        lambda all_: list(all_.values_list("mobile", flat=True)),
        lambda all_: all_.raw_numbers,
        lambda all_: [all_[0], all_[1].mobile],
    ],
)
def test_numbers_alone_are_taken_without_a_name(
    shop: str, customers: Customers, people: Callable[[Any], Any]
) -> None:
    all_ = customers(2)
    all_.raw_numbers = all_.model.objects.raw("SELECT id, mobile FROM shop_customer")
    dispatcher.submit("soldes", "Soldes", people(all_))
    assert texts("soldes") == dict.fromkeys(EXPECTED, "Soldes")


def test_field_that_a_raw_query_adds_is_taken(shop: str, customers: Customers) -> None:
    people = customers(2).model.objects.raw(RAW)
    dispatcher.submit("soldes", "Salut {{ Nick }}", people)
    assert sorted(texts("soldes").values()) == ["Salut ZZoé0", "Salut ZZoé1"]


@pytest.fixture
def entries(shop: str) -> Any:
    """Rows of a model whose numbers are in a related one; one has no content type."""
    from django.contrib.admin.models import LogEntry
    from django.contrib.auth.models import User
    from django.contrib.contenttypes.models import ContentType

    kinds = [ContentType.objects.get_for_model(User), None]
    for number, kind in enumerate(kinds):
        user = User.objects.create(username=f"06 39 98 00 0{number}")
        LogEntry.objects.create(
            user=user, content_type=kind, object_repr="alsace-moselle", action_flag=1
        )
    return LogEntry.objects.order_by("pk")


@pytest.mark.parametrize(
    "people",
    [
        lambda all_: all_,
        lambda all_: all_.select_related("user"),
        lambda all_: all_.prefetch_related("user"),
        lambda all_: list(all_.prefetch_related("user")),
        lambda all_: all_.prefetch_related("user").iterator(chunk_size=10),
    ],
)
def test_names_lead_through_related_models(entries: Any, people: Callable[[Any], Any]) -> None:
    dispatcher.submit(
        "soldes",
        'Bonjour {{ kind|default:"vous" }}',
        people(entries),
        phone="user__username",
        fields={"kind": "content_type__model"},
        territory_field="object_repr",
    )
    assert sorted(texts("soldes").values()) == ["Bonjour user", "Bonjour vous"]
    assert dispatcher.batches("soldes")[0].territory == "alsace-moselle"


@pytest.mark.parametrize(
    ("people", "arguments"),
    [
        (lambda all_: all_, {"key": "pk"}),
        (lambda all_: list(all_), {"key": "pk"}),
        (lambda all_: all_.values("mobile", key=F("pk")), {}),
        (lambda all_: list(all_.values("mobile", "pk")), {"key": "pk"}),
        (lambda all_: list(all_.values("mobile", key=F("pk"))), {}),
    ],
)
def test_key_of_a_row_is_given_back(
    shop: str, customers: Customers, people: Callable[[Any], Any], arguments: dict[str, Any]
) -> None:
    known = customers(2)
    dispatcher.submit("soldes", "Soldes demain", people(known), **arguments)
    found = dispatcher.messages(dispatcher.batches("soldes")[0].id)
    assert sorted(one.key or "" for one in found) == sorted(str(one.pk) for one in known)


def test_model_of_a_list_that_is_rejected_is_named_by_its_key(
    shop: str, customers: Customers
) -> None:
    people = list(customers(2))
    people[1].mobile = "hello"
    rejects: list[Rejection] = []
    dispatcher.submit("soldes", "Soldes", people, reject=rejects.append)
    [reject] = rejects
    assert (reject.row, reject.raw) == (2, (str(people[1].pk), "hello"))


@pytest.mark.parametrize(
    ("people", "arguments", "says"),
    [
        (list, {"fields": {"prenom": "nickname"}}, "no such field .* Customer has no 'nickname'"),
        (list, {"fields": {"prenom": "save"}}, "no such field .* Customer has no 'save'"),
        (list, {}, "no such field .* Customer has no 'prenom'; fields="),
        (list, {"phone": "tel", "fields": FIELDS}, "no such field .* Customer has no 'tel'"),
        (lambda all_: all_.iterator(), {"territory_field": "zone"}, "no 'prenom'"),
        (lambda all_: all_.values_list("mobile"), {"fields": FIELDS}, "have no 'first_name'"),
        (lambda all_: all_, {"phone": 3}, "phone is the name of a field, not int"),
        (lambda all_: all_, {"territory_field": ["zone"]}, "territory_field is .* not list"),
        (lambda all_: all_, {"fields": "first_name"}, "fields is a dict, not str: fields="),
        (lambda all_: all_, {"fields": {"prenom": None}}, "fields is a dict of text: fields="),
        (
            lambda all_: all_.model.objects.raw("SELECT mobile FROM shop_customer"),
            {},
            "primary key",
        ),
    ],
)
def test_field_that_models_lack_is_named_and_stores_nothing(
    shop: str,
    customers: Customers,
    people: Callable[[Any], Any],
    arguments: dict[str, Any],
    says: str,
) -> None:
    with pytest.raises(InvalidCampaign, match=says):
        dispatcher.submit("soldes", TEXT, people(customers(1)), **arguments)
    assert dispatcher.campaigns() == []


def test_dict_without_the_field_of_numbers_is_rejected_alone(shop: str) -> None:
    rejects: list[Rejection] = []
    people = [{"gsm": "06 39 98 00 01"}, {"tel": "06 39 98 00 02"}]
    dispatcher.submit("soldes", "Soldes", people, phone="gsm", reject=rejects.append)
    assert [(one.row, one.reason) for one in rejects] == [(2, "no_number")]

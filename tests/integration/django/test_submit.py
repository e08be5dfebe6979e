"""Submitting from a project: lists from QuerySets, inside its transactions or after them."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, connections, transaction
from django.db.models import Value
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext

from dispatcher import (
    InvalidCampaign,
    InvalidText,
    NotFound,
    ReferenceTaken,
    Rejection,
    StorageError,
)
from dispatcher.contrib.django import dispatcher
from dispatcher.dispatch import broker
from dispatcher.dispatch.hints import Hints
from dispatcher.errors import DispatcherError, IllegalMove
from dispatcher.storage.campaigns import campaigns
from tests import django_project
from tests.waiting import PATIENCE

Customers = Callable[..., Any]
TEXT = "Bonjour {{ prenom }}, les soldes commencent samedi !"
FIELDS = {"prenom": "first_name"}
OLD = date(2019, 11, 24)


def texted(batch_id: int = 1) -> list[str]:
    return [message.phone for message in dispatcher.messages(batch_id)]


# -- recipients


def test_queryset_of_models_becomes_recipients(shop: str, customers: Customers) -> None:
    campaign = dispatcher.submit("soldes", TEXT, customers(3), phone="mobile", fields=FIELDS)

    assert dispatcher.progress("soldes").id == campaign
    [batch] = dispatcher.batches("soldes")
    assert texted(batch.id) == ["+33639980000", "+33639980001", "+33639980002"]


@pytest.mark.parametrize("smoothing", [{"per_hour": 60}, {"over": timedelta(minutes=6)}])
def test_queryset_is_smoothed(shop: str, customers: Customers, smoothing: Any) -> None:
    listed = customers(6)
    asked = {"phone": "mobile", "fields": FIELDS, **smoothing}
    plan = dispatcher.plan(TEXT, listed, **asked)
    submitted = dispatcher.submit("soldes", TEXT, listed, **asked)
    with transaction.atomic():
        dispatcher.submit_on_commit("later", TEXT, listed, **asked)
        again = dispatcher.submit("soldes", TEXT, listed, **asked)

    assert again == submitted
    for reference in ("soldes", "later"):
        found = dispatcher.progress(reference)
        assert found.per_hour == plan.per_hour == 60
        # a batch has the messages of five minutes
        assert [batch.size for batch in dispatcher.batches(reference)] == [5, 1]
        first, second = (batch.not_before for batch in dispatcher.batches(reference))
        assert first < second
    with pytest.raises(InvalidCampaign, match="by per_hour or by over, not by both"):
        dispatcher.submit("both", TEXT, listed, phone="mobile", fields=FIELDS, per_hour=1, over=60)


@pytest.mark.parametrize(
    ("chosen", "arguments"),
    [
        (lambda all_: all_.annotate(day=Value(OLD)), {"last_contact": "day"}),
        (lambda all_: all_.values("mobile", last_contact=Value(OLD)), {}),
        (lambda all_: list(all_.values("mobile", achat=Value(OLD))), {"last_contact": "achat"}),
    ],
)
def test_last_contact_of_a_row_is_stored(
    shop: str, customers: Customers, chosen: Callable[[Any], Any], arguments: dict[str, Any]
) -> None:
    with transaction.atomic():
        dispatcher.submit("soldes", "Soldes", chosen(customers(2)), phone="mobile", **arguments)
        # nobody waits for the row of a person until a long transaction ends
        assert list(dispatcher.persons.stale()) == []
    assert [one.last_contact for one in dispatcher.persons.stale()] == [OLD, OLD]


def test_last_contact_that_cannot_be_stored_after_the_commit_is_logged(
    shop: str,
    customers: Customers,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def note(*_: object, **__: object) -> None:
        raise StorageError("it is down")

    people = customers(2).values("mobile", last_contact=Value(OLD))
    with monkeypatch.context() as patched, transaction.atomic():
        patched.setattr("dispatcher.storage.stale_people.note", note)
        dispatcher.submit("soldes", "Soldes", people)
    assert "last contacts are not stored, submit the campaign again: it is down" in caplog.text
    dispatcher.submit("soldes", "Soldes", people)
    assert [one.last_contact for one in dispatcher.persons.stale()] == [OLD, OLD]


def test_rolled_back_campaign_stores_no_last_contact(shop: str, customers: Customers) -> None:
    with suppress(ZeroDivisionError), transaction.atomic():
        dispatcher.submit(
            "soldes", "Soldes", customers(2).values("mobile", last_contact=Value(OLD))
        )
        raise ZeroDivisionError
    assert list(dispatcher.persons.stale()) == []


def test_only_field_with_the_name_of_a_phone_is_the_number(shop: str, customers: Customers) -> None:
    dispatcher.submit("soldes", "Soldes", customers(2))
    assert dispatcher.progress("soldes").recipients == 2


def test_field_of_a_query_set_is_found_without_case_and_punctuation(
    shop: str, customers: Customers
) -> None:
    people = customers(2).values("mobile", "first_name")
    dispatcher.submit("soldes", "Bonjour {{ First-Name }}", people)
    dispatcher.submit("bis", TEXT, people, phone="mobile", fields=FIELDS)
    assert dispatcher.progress("bis").recipients == 2


def test_queryset_of_values_is_accepted(shop: str, customers: Customers) -> None:
    people = customers(2).values("mobile", "first_name")
    dispatcher.submit("soldes", "Bonjour {{ first_name }}", people)
    dispatcher.submit("bis", TEXT, people, phone="mobile", fields=FIELDS)
    assert dispatcher.progress("bis").recipients == 2


def test_plain_list_is_accepted(shop: str) -> None:
    dispatcher.submit("soldes", "Soldes", ["06 39 98 00 01", {"mobile": "06 39 98 00 02"}])
    assert dispatcher.progress("soldes").recipients == 2


def test_queryset_fetches_only_the_columns_it_needs_by_one_query(
    shop: str, customers: Customers
) -> None:
    people = customers(3)
    with CaptureQueriesContext(connection) as queries:
        dispatcher.submit("soldes", TEXT, people, fields=FIELDS)
    [select] = [one["sql"] for one in queries if "shop_customer" in one["sql"]]
    assert "first_name" in select
    assert "consented" not in select


def test_rejection_names_the_row_of_the_model(shop: str, customers: Customers) -> None:
    people = customers(2)
    wrong = people[1]
    people.filter(pk=wrong.pk).update(mobile="hello")
    rejects: list[Rejection] = []

    dispatcher.submit("soldes", "Soldes", people, reject=rejects.append)

    [reject] = rejects
    assert (reject.row, reject.raw[0], reject.reason) == (2, str(wrong.pk), "not_a_number")


def test_field_with_a_territory_overrides_that_of_the_number(
    shop: str, customers: Customers
) -> None:
    people = customers(2)
    people.update(first_name="alsace-moselle")
    dispatcher.submit("soldes", "Soldes", people, territory_field="first_name")
    assert dispatcher.batches("soldes")[0].territory == "alsace-moselle"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"phone": "telephone"}, "no such field among the recipients.*telephone"),
        ({"fields": {"prenom": "nickname"}}, "no such field.*nickname"),
        ({"territory_field": "zone"}, "no such field.*zone"),
    ],
)
def test_unknown_field_is_named_and_stores_nothing(
    shop: str, customers: Customers, arguments: dict[str, Any], says: str
) -> None:
    for submit in (dispatcher.submit, dispatcher.submit_on_commit):
        with pytest.raises(InvalidCampaign, match=says):
            submit("soldes", TEXT, customers(1), **{"fields": FIELDS, **arguments})
    assert dispatcher.campaigns() == []


def test_model_without_a_phone_field_asks_for_one(shop: str) -> None:
    from django.contrib.auth import get_user_model

    with pytest.raises(InvalidCampaign, match=r'which field of User .* none is .*phone="…"'):
        dispatcher.submit("soldes", "Soldes", get_user_model().objects.all())


@pytest.mark.parametrize(
    ("people", "says"),
    [
        (lambda all_: all_.values_list("first_name", "pk"), "which field of Customer has the"),
        (lambda all_: all_.annotate(day=Now()).dates("day", "year"), "1 × no_number"),
        (lambda all_: all_.get(), "a list of recipients is needed, not one Customer"),
        (lambda all_: all_.model, r"needed, not a model: Customer\.objects\.all\(\)"),
        (lambda all_: None, "a list of recipients is needed, not None"),
        (lambda all_: all_.aiterator(), "an asynchronous iterator cannot be read here"),
        (lambda all_: all_.values_list("mobile").iterator(), "1 × not_a_recipient"),
        (lambda all_: all_.values("first_name"), "which field of Customer has the numbers"),
    ],
)
def test_recipients_of_wrong_type_are_refused(
    shop: str, customers: Customers, people: Callable[[Any], Any], says: str
) -> None:
    with pytest.raises(DispatcherError, match=says):
        dispatcher.submit("soldes", "Soldes", people(customers(1)))


def test_names_of_fields_without_a_queryset_are_refused(shop: str) -> None:
    with pytest.raises(InvalidCampaign, match="name fields of a QuerySet"):
        dispatcher.submit("soldes", "Soldes", ["06 39 98 00 01"], phone="mobile")


def test_plan_reads_a_queryset_and_writes_nothing(shop: str, customers: Customers) -> None:
    assert dispatcher.plan(TEXT, customers(3), fields=FIELDS).kept == 3
    assert dispatcher.campaigns() == []


# -- a part of the caller's transaction


def test_rollback_removes_the_campaign(shop: str, customers: Customers) -> None:
    with suppress(KeyError), transaction.atomic():
        people = customers(3)
        dispatcher.submit("soldes", "Soldes", people)
        assert dispatcher.progress("soldes").recipients == 3
        raise KeyError

    with pytest.raises(NotFound):
        dispatcher.progress("soldes")
    assert not people.exists()
    assert dispatcher.submit("soldes", "Soldes", customers(1)) > 0


def test_list_at_hand_is_stored_with_the_callers_transaction(
    shop: str, customers: Customers
) -> None:
    phones = [f"06 39 98 {n // 100:02d} {n % 100:02d}" for n in range(1200)]
    with transaction.atomic():
        people = customers(2)
        with pytest.raises(InvalidCampaign, match="unknown territory"):
            dispatcher.submit("lost", "Soldes", phones, at_hand=True, territory="atlantis")
        with suppress(KeyError), transaction.atomic():
            dispatcher.submit("lost", "Soldes", phones, at_hand=True)
            raise KeyError
        dispatcher.submit("kept", "Soldes", phones, at_hand=True)
        with pytest.raises(ReferenceTaken):
            dispatcher.submit("kept", "Soldes", phones[1:], at_hand=True)
        assert people.count() == 2
    assert [one.reference for one in dispatcher.campaigns()] == ["kept"]
    assert dispatcher.progress("kept").recipients == 1200


def test_queryset_is_read_before_its_recipients_are_stored(
    shop: str, customers: Customers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dispatcher.storage.campaigns.plans._STRIDE", 1)
    monkeypatch.setattr("dispatcher.contrib.django.querysets.STRIDE", 600)
    people = customers(2000)
    dispatcher.submit("soldes", "Soldes", people, at_hand=True)
    dispatcher.submit_on_commit("later", "Soldes", people, at_hand=True)
    assert dispatcher.progress("soldes").recipients == 2000
    assert dispatcher.progress("later").recipients == 2000


def test_savepoint_rolled_back_removes_only_its_own_campaign(
    shop: str, customers: Customers
) -> None:
    people = customers(2)
    with transaction.atomic():
        dispatcher.submit("kept", "Soldes", people)
        with suppress(KeyError), transaction.atomic():
            dispatcher.submit("lost", "Soldes", people)
            raise KeyError
        dispatcher.submit("kept too", "Soldes", people)
    assert [one.reference for one in dispatcher.campaigns()] == ["kept too", "kept"]


def test_refused_campaign_does_not_break_the_callers_transaction(
    shop: str, customers: Customers
) -> None:
    with transaction.atomic():
        people = customers(2)
        dispatcher.submit("soldes", "Soldes", people)
        with pytest.raises(ReferenceTaken):
            dispatcher.submit("soldes", "Other words", people)
        with pytest.raises(InvalidText):
            dispatcher.submit("bis", "", people)
        with pytest.raises(NotFound):
            dispatcher.progress("nothing")
        assert people.count() == 2
    assert people.count() == 2
    assert dispatcher.progress("soldes").recipients == 2


def test_reference_taken_meanwhile_does_not_break_the_callers_transaction(
    shop: str, customers: Customers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two who submit the same reference at once: the second finds out by a broken constraint."""
    people = customers(2)
    dispatcher.submit("soldes", "Soldes", people)
    look_up, answers = campaigns.stored, [None]
    monkeypatch.setattr(
        campaigns, "stored", lambda *key: answers.pop() if answers else look_up(*key)
    )
    with transaction.atomic():
        assert dispatcher.submit("soldes", "Soldes", people) == 1
        assert people.count() == 2
    assert len(dispatcher.campaigns()) == 1


def test_campaign_is_invisible_to_other_connections_before_the_commit(
    postgres_shop: str, customers: Customers
) -> None:
    from dispatcher import Dispatcher, Settings

    other = Dispatcher(Settings.of(database_url=postgres_shop))
    with transaction.atomic():
        dispatcher.submit("soldes", "Soldes", customers(2))
        assert other.campaigns() == []
    assert other.progress("soldes").recipients == 2
    other.database.close()


_DYING = """
import os, sys
sys.path.insert(0, {root!r})
from dispatcher.storage.campaigns import campaigns
from tests import django_project
django_project.configure()
django_project.use({{"default": django_project.database({url!r})}})
from django.apps import apps
from django.db import transaction
from dispatcher.contrib.django import dispatcher
Customer = apps.get_model("shop", "Customer")
with transaction.atomic():
    Customer.objects.create(first_name="Zoé", mobile="06 39 98 00 01", consented=True)
    dispatcher.submit("soldes", "Soldes", Customer.objects.all())
    print(dispatcher.progress("soldes").recipients, flush=True)
    os.kill(os.getpid(), {signal})
"""


def test_process_killed_before_its_commit_stores_neither_row_nor_campaign(
    shop: str, customers: Customers
) -> None:
    from django.apps import apps

    root = str(django_project.SHOP.parents[1])
    code = _DYING.format(root=root, url=shop, signal=int(signal.SIGKILL))
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    died = subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert (died.returncode, died.stdout) == (-signal.SIGKILL, "1\n"), died.stderr

    assert dispatcher.campaigns() == []
    assert not apps.get_model("shop", "Customer").objects.exists()


def test_double_click_is_one_campaign(shop: str, customers: Customers) -> None:
    people = customers(3)
    first = dispatcher.submit("soldes", TEXT, people, fields=FIELDS)
    assert dispatcher.submit("soldes", TEXT, people, fields=FIELDS) == first
    assert len(dispatcher.campaigns()) == 1


def test_two_clicks_at_the_same_moment_are_one_campaign(shop: str, customers: Customers) -> None:
    people = customers(3)
    together = threading.Barrier(2)

    def click(_: int) -> int:
        together.wait()
        try:
            with transaction.atomic():
                return dispatcher.submit("soldes", TEXT, people.all(), fields=FIELDS)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(click, range(2))
    assert first == second
    assert len(dispatcher.campaigns()) == 1


# -- workers hear of it after the commit


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What was published, in order; nothing is connected to."""
    published: list[str] = []

    def publish(_: Hints, name: str, *__: int, **___: object) -> bool:
        published.append(name)
        return True

    monkeypatch.setattr(Hints, "_publish", publish)
    monkeypatch.setattr(broker, "waiting", lambda *_: 0)
    with django_project.said(SENDER="MaBoutique", BROKER_URL="redis://127.0.0.1:9/0"):
        yield published


def test_hint_is_sent_after_the_commit(shop: str, customers: Customers, told: list[str]) -> None:
    with transaction.atomic():
        dispatcher.submit("soldes", "Soldes", customers(2))
        assert told == []
    assert told == ["dispatcher.tick"]


def test_rollback_sends_no_hint(shop: str, customers: Customers, told: list[str]) -> None:
    with suppress(KeyError), transaction.atomic():
        dispatcher.submit("soldes", "Soldes", customers(2))
        raise KeyError
    assert told == []


def test_campaign_without_autocommit_is_stored(
    postgres_shop: str, customers: Customers, told: list[str]
) -> None:
    people = customers(1)
    connection.set_autocommit(False)
    try:
        dispatcher.submit("soldes", "Soldes", people)
        connection.commit()
    finally:
        connection.set_autocommit(True)
    assert dispatcher.progress("soldes").recipients == 1
    assert told == []


# -- after the commit


def test_submit_on_commit_submits_after_the_commit(shop: str, customers: Customers) -> None:
    with transaction.atomic():
        dispatcher.submit_on_commit("soldes", TEXT, customers(3), fields=FIELDS)
        assert dispatcher.campaigns() == []
    assert dispatcher.progress("soldes").recipients == 3


def test_submit_on_commit_after_a_rollback_submits_nothing(shop: str, customers: Customers) -> None:
    with suppress(KeyError), transaction.atomic():
        dispatcher.submit_on_commit("soldes", "Soldes", customers(3))
        raise KeyError
    assert dispatcher.campaigns() == []


@pytest.mark.parametrize(
    ("text", "options", "error"),
    [
        ("", {}, InvalidText),
        ("Bonjour {{ prenom", {}, InvalidText),
        ("Soldes", {"sender": "é"}, InvalidCampaign),
        ("Soldes", {"not_before": datetime(2027, 1, 1)}, InvalidCampaign),  # noqa: DTZ001
    ],
)
def test_invalid_campaign_is_refused_before_the_commit(
    shop: str, customers: Customers, text: str, options: dict[str, Any], error: type[Exception]
) -> None:
    with transaction.atomic(), pytest.raises(error):
        dispatcher.submit_on_commit("soldes", text, customers(1), **options)


def test_failure_after_the_commit_is_logged_and_raised(
    shop: str, customers: Customers, caplog: pytest.LogCaptureFixture
) -> None:
    people = customers(1)
    dispatcher.submit("soldes", "Soldes", people)

    with pytest.raises(ReferenceTaken), transaction.atomic():
        dispatcher.submit_on_commit("soldes", "Other words", people)

    [record] = [one for one in caplog.records if one.name.startswith("dispatcher.contrib")]
    assert "campaign 'soldes' was not submitted" in record.getMessage()
    assert record.levelname == "ERROR"


def test_failure_after_the_commit_reaches_the_handler(shop: str, customers: Customers) -> None:
    people = customers(1)
    dispatcher.submit("soldes", "Soldes", people)
    errors: list[DispatcherError] = []

    with transaction.atomic():
        dispatcher.submit_on_commit("soldes", "Other words", people, on_error=errors.append)
        dispatcher.submit_on_commit("bis", "Soldes", people)

    assert [type(error) for error in errors] == [ReferenceTaken]
    assert dispatcher.progress("bis").recipients == 1


# -- databases


def test_time_zone_of_the_project_does_not_change_instants(shop: str) -> None:
    from django.test import override_settings

    at = datetime(2027, 1, 12, 10, 0, tzinfo=UTC)
    with override_settings(USE_TZ=False, TIME_ZONE="Asia/Tokyo"):
        connections.close_all()
        dispatcher.submit("soldes", "Soldes", ["06 39 98 00 01"], not_before=at)
        assert dispatcher.campaign("soldes").not_before == at
        assert dispatcher.batches("soldes")[0].not_before == at
    connections.close_all()
    assert dispatcher.campaign("soldes").not_before == at


def test_submit_in_a_transaction_of_another_database_is_refused(
    shop: str, customers: Customers, sqlite_url: str
) -> None:
    with django_project.said(DATABASE_URL=sqlite_url):
        assert dispatcher.submit("soldes", "Soldes", customers(2)) == 1
        with (
            transaction.atomic(),
            pytest.raises(IllegalMove, match=r"open on 'default'.*submit_on_commit"),
        ):
            dispatcher.submit("bis", "Soldes", customers(2))
        with transaction.atomic():
            dispatcher.submit_on_commit("ter", "Soldes", customers(2))
        assert [one.reference for one in dispatcher.campaigns()] == ["ter", "soldes"]
        dispatcher.database.close()
    assert dispatcher.campaigns() == []


def test_tables_may_be_in_another_database_of_the_project(
    shop: str, customers: Customers, sqlite_url: str
) -> None:
    from django.core.management import call_command

    here = django_project.database(shop)
    django_project.use({"default": here, "sms": django_project.database(sqlite_url)})
    with django_project.said(DATABASE="sms"):
        with pytest.raises(StorageError, match=r"missing.*run manage\.py dispatcher migrate"):
            dispatcher.campaigns()
        said = io.StringIO()
        call_command("migrate", verbosity=1, stdout=said)
        assert "are in DATABASES['sms']: run manage.py dispatcher migrate." in said.getvalue()
        call_command("dispatcher", "migrate")
        said = io.StringIO()
        call_command("migrate", verbosity=1, stdout=said)
        assert "DATABASES['sms']" not in said.getvalue()
        dispatcher.submit("soldes", "Soldes", customers(2))
        with transaction.atomic(), pytest.raises(IllegalMove):
            dispatcher.submit("bis", "Soldes", customers(2))
        with transaction.atomic(using="sms"):
            dispatcher.submit("bis", "Soldes", customers(2))
    assert dispatcher.campaigns() == []


def test_unreachable_database_raises_one_sentence(sqlite_shop: str) -> None:
    gone = django_project.database("postgresql://nobody@127.0.0.1:9/nothing")
    django_project.use({"default": gone})
    with pytest.raises(StorageError, match=r"the database cannot be used: .*refused"):
        dispatcher.campaigns()


# -- handing over


def test_campaign_with_hand_over_is_handed_over(shop: str, customers: Customers) -> None:
    hour = datetime.now(UTC) + timedelta(days=3)
    dispatcher.submit("soldes", "Soldes", customers(2), not_before=hour, hand_over=True)
    [batch] = dispatcher.batches("soldes")
    assert batch.leaves_at is not None
    assert batch.leaves_at >= hour
    with pytest.raises(InvalidCampaign, match="hand_over needs not_before"):
        dispatcher.submit("other", "Soldes", customers(2), hand_over=True)

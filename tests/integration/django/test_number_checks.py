"""Paid checks in a project: never inside a transaction that could forget that they were ordered."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction

from dispatcher import IllegalMove, Settings
from tests.fakes import FakeGateway


def test_number_check_is_ordered_only_outside_a_transaction(
    shop: str, customers: Callable[..., Any]
) -> None:
    from dispatcher.contrib.django.django_dispatcher import DjangoDispatcher

    gateway = FakeGateway()
    address = {"webhook_url": "https://shop.example/sms", "webhook_secret": "q8Zr4-Tn0_Vb6Hs2Lk"}
    dispatcher = DjangoDispatcher(Settings.of(**address), "default", gateway=gateway)
    numbers = customers(3).values_list("mobile", flat=True)
    checks = dispatcher.number_checks
    with transaction.atomic():
        report = checks.survey(numbers)
        with pytest.raises(IllegalMove, match="outside of a transaction"):
            checks.order(report, max_cost=Decimal(1))
        assert gateway.orders == []
    assert checks.order(report, max_cost=Decimal(1)).ordered == 3
    assert checks.survey(numbers).known == {"waiting": 3}


def test_number_check_without_autocommit_is_refused(
    shop: str, customers: Callable[..., Any]
) -> None:
    from dispatcher.contrib.django.django_dispatcher import DjangoDispatcher

    gateway = FakeGateway()
    address = {"webhook_url": "https://shop.example/sms", "webhook_secret": "q8Zr4-Tn0_Vb6Hs2Lk"}
    dispatcher = DjangoDispatcher(Settings.of(**address), "default", gateway=gateway)
    checks = dispatcher.number_checks
    report = checks.survey(customers(3).values_list("mobile", flat=True))
    transaction.set_autocommit(False)
    try:
        with pytest.raises(IllegalMove, match="outside of a transaction"):
            checks.order(report, max_cost=Decimal(1))
    finally:
        transaction.rollback()
        transaction.set_autocommit(True)
    assert gateway.orders == []


def test_queryset_is_planned_with_its_numbers_checked(
    shop: str, customers: Callable[..., Any]
) -> None:
    from dispatcher.contrib.django.django_dispatcher import DjangoDispatcher

    gateway = FakeGateway()
    dispatcher = DjangoDispatcher(Settings.of(), "default", gateway=gateway)
    plan = dispatcher.plan("Soldes", customers(3), check_numbers=True)
    assert plan.lookups is not None
    assert plan.lookups.sentences() == ["3 × France, Mobile"]


def test_number_checks_are_read_before_a_list_at_hand_is_stored(
    shop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dispatcher.contrib.django.django_dispatcher import DjangoDispatcher
    from dispatcher.storage.campaigns import plans
    from dispatcher.storage.tables import CheckOrder, NumberCheck

    monkeypatch.setattr(plans, "_STRIDE", 1)
    dispatcher = DjangoDispatcher(Settings.of(), "default", gateway=FakeGateway())
    phones = [f"+336399{number:05d}" for number in range(80_000, 81_600)]
    now = datetime.now(UTC)
    with dispatcher.database.write() as session:
        order = CheckOrder(tag="t", ordered_at=now, actor="test", numbers=1, expected=Decimal(0))
        session.add(order)
        session.flush()
        gone = {"phone": phones[-1], "order_id": order.id, "ordered_at": now}
        session.add(NumberCheck(**gone, at=now, told_at=now, service="out_of_service"))
    campaign_id = dispatcher.submit("soldes", "Soldes", phones, at_hand=True)
    assert dispatcher.progress(campaign_id).recipients == len(phones) - 1

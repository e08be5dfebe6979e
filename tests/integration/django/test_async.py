"""Async views call the same methods, with an ``a`` before their names."""

from __future__ import annotations

import asyncio
import inspect

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import SynchronousOnlyOperation
from django.http import HttpRequest, HttpResponse
from django.test import Client, override_settings
from django.urls import path

from dispatcher import Dispatcher, NotFound
from dispatcher.contrib.django import dispatcher
from dispatcher.contrib.django.django_dispatcher import DjangoDispatcher


async def launch(request: HttpRequest) -> HttpResponse:
    await dispatcher.asubmit("soldes", "Soldes !", ["+33639980001"])
    progress = await dispatcher.aprogress("soldes")
    return HttpResponse(f"{progress.reference} {progress.recipients}")


urlpatterns = [path("", launch)]


@override_settings(ROOT_URLCONF=__name__)
def test_async_view_submits_in_the_name_of_who_is_signed_in(shop: str) -> None:
    client = Client()
    client.force_login(User.objects.create_user("zoe"))

    assert client.get("/").content == b"soldes 1"

    assert dispatcher.actions("soldes")[0].actor == "zoe"


def test_campaign_is_decided_about_in_async_code(sqlite_shop: str) -> None:
    async def decide() -> list[str]:
        await dispatcher.asubmit("soldes", "Soldes", ["+33639980001"])
        states: list[str] = [
            (await dispatcher.apause("soldes", reason="wait")).state,
            (await dispatcher.aresume("soldes")).state,
            (await dispatcher.acancel("soldes")).state,
        ]
        with pytest.raises(NotFound):
            await dispatcher.aprogress("nothing")
        assert (await dispatcher.aplan("Soldes", ["+33639980001"])).kept == 1
        return states

    assert asyncio.run(decide()) == ["paused", "running", "cancelled"]


def test_sync_method_in_async_code_is_refused_in_one_sentence(sqlite_shop: str) -> None:
    async def submit() -> None:
        dispatcher.submit("soldes", "Soldes", ["+33639980001"])

    with pytest.raises(
        SynchronousOnlyOperation, match=r"^in async code: await dispatcher\.asubmit"
    ):
        asyncio.run(submit())


def test_method_for_async_code_has_the_name_of_its_sync_one() -> None:
    found = {name for name, _ in inspect.getmembers(DjangoDispatcher, inspect.iscoroutinefunction)}
    assert found
    assert all(callable(getattr(Dispatcher, name.removeprefix("a"))) for name in found)

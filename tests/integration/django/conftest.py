"""The example's shop on each database, made once and emptied for each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests import django_project
from tests.databases import create_database, drop_database

django_project.configure()


@pytest.fixture(scope="session")
def _sqlite_shop(tmp_path_factory: pytest.TempPathFactory) -> str:
    url = f"sqlite:///{tmp_path_factory.mktemp('shop') / 'shop.db'}"
    django_project.migrated(url)
    return url


@pytest.fixture(scope="session")
def _postgres_shop(postgres_server: str) -> Iterator[str]:
    url = create_database(postgres_server)
    django_project.migrated(url)
    yield url
    django_project.use({"default": {"ENGINE": "django.db.backends.dummy"}})
    drop_database(url)


@pytest.fixture(params=["sqlite", "postgres"])
def shop(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URL of the shop's database, empty; a test that takes it runs on both."""
    yield from _opened(request.getfixturevalue(f"_{request.param}_shop"), monkeypatch)


@pytest.fixture
def sqlite_shop(_sqlite_shop: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The same on SQLite alone."""
    yield from _opened(_sqlite_shop, monkeypatch)


@pytest.fixture
def postgres_shop(_postgres_shop: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The same on PostgreSQL alone."""
    yield from _opened(_postgres_shop, monkeypatch)


def _opened(url: str, patch: pytest.MonkeyPatch) -> Iterator[str]:
    from django.core.management import call_command
    from django.db import connections

    django_project.without_environment(patch)
    django_project.use({"default": django_project.database(url)})
    call_command("flush", interactive=False, verbosity=0)
    yield url
    connections.close_all()


@pytest.fixture
def customers() -> Callable[..., Any]:
    """Adds so many customers of the shop; returns a QuerySet of them all."""
    from django.apps import apps

    model = apps.get_model("shop", "Customer")

    def add(count: int = 3, *, consented: bool = True) -> Any:
        model.objects.bulk_create(
            model(
                first_name=f"Zoé{n}",
                mobile=f"06 39 98 {n // 100:02d} {n % 100:02d}",
                consented=consented,
            )
            for n in range(count)
        )
        return model.objects.order_by("pk")

    return add

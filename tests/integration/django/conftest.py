"""The example's shop on each database, made once and emptied for each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from dispatcher.storage.tables import Base
from tests import django_project
from tests.databases import create_database, drop_database, emptying

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
    from django.db import connections

    django_project.without_environment(patch)
    django_project.use({"default": django_project.database(url)})
    _empty()
    yield url
    connections.close_all()


def _empty() -> None:
    """Delete what tests have added: flush would also make the types and permissions anew."""
    from django.core.management.color import no_style
    from django.db import connection

    from dispatcher.contrib.django import migrate
    from dispatcher.contrib.django.database import DjangoDatabase

    found = connection.introspection.django_table_names(only_existing=True, include_views=False)
    lasting = {"django_content_type", "auth_permission"}
    names = [name for name in found if name not in lasting]
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(emptying([*names, *Base.metadata.tables]))
        return
    operations = connection.ops
    operations.execute_sql_flush(operations.sql_flush(no_style(), names, reset_sequences=True))
    migrate.empty(DjangoDatabase("default"))


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

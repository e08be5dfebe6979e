"""The section of the admin: whom it leads where, and its permissions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, Permission, User
from django.core.management import call_command
from django.http import HttpResponse
from django.test import Client, override_settings
from django.urls import clear_url_caches, include, path, set_urlconf

from dispatcher.contrib.django.checks import check_console

VIEWS = ("view_campaign", "view_doubt", "view_optout")


class WithoutConsole:
    """The ``urls.py`` of a project that has the admin alone."""

    urlpatterns: Sequence[object] = (path("admin/", admin.site.urls),)


class WithoutAdmin:
    """The ``urls.py`` of a project that has neither."""

    urlpatterns: Sequence[object] = (path("", lambda _: HttpResponse()),)


class Renamed:
    """The ``urls.py`` of a project that has the console at another address."""

    urlpatterns: Sequence[object] = (
        path("admin/", admin.site.urls),
        path("texts/", include("dispatcher.contrib.django.console.urls")),
    )


@pytest.fixture
def urls() -> Iterator[None]:
    yield
    clear_url_caches()
    set_urlconf(None)


def staff(*permissions: str, name: str = "zoe") -> Client:
    user = User.objects.create_user(name, is_staff=True)
    user.user_permissions.set(
        Permission.objects.filter(codename__in=permissions, content_type__app_label="dispatcher")
    )
    client = Client()
    client.force_login(user)
    return client


def test_index_lists_the_three_sections_and_offers_no_rows(shop: str) -> None:
    shown = staff(*VIEWS).get("/admin/").content.decode()
    for section in ("Campaigns", "Batches in doubt", "Opt-outs"):
        assert f">{section}</a>" in shown
    assert "/admin/dispatcher/campaign/add/" not in shown


@pytest.mark.parametrize(
    ("path_of_admin", "page"),
    [
        ("campaign/", "/sms/campaigns/"),
        ("campaign/7/", "/sms/campaigns/7/"),
        ("campaign/batches/8/", "/sms/batches/8/"),
        ("doubt/", "/sms/doubts/"),
        ("optout/", "/sms/opt-outs/"),
    ],
)
def test_page_of_the_admin_leads_to_that_of_the_console(
    shop: str, path_of_admin: str, page: str
) -> None:
    answer = staff(*VIEWS).get(f"/admin/dispatcher/{path_of_admin}")
    assert (answer.status_code, answer.headers["Location"]) == (302, page)


def test_console_is_found_at_any_address(shop: str, urls: None) -> None:
    with override_settings(ROOT_URLCONF=Renamed):
        answer = staff(*VIEWS).get("/admin/dispatcher/campaign/7/")
        assert answer.headers["Location"] == "/texts/campaigns/7/"
        assert check_console() == []


def test_link_without_its_permission_is_refused(shop: str) -> None:
    client = staff("view_doubt")
    assert client.get("/admin/dispatcher/campaign/").status_code == 403
    assert client.get("/admin/dispatcher/doubt/").status_code == 302
    stranger = Client().get("/admin/dispatcher/doubt/")
    assert stranger.headers["Location"].startswith("/admin/login/")


def test_project_without_the_console_is_told_what_to_add(shop: str, urls: None) -> None:
    with override_settings(ROOT_URLCONF=WithoutConsole):
        answer = staff(*VIEWS).get("/admin/dispatcher/campaign/", follow=True)
        assert answer.redirect_chain == [("/admin/", 302)]
        assert "dispatcher.contrib.django.console.urls" in answer.content.decode()
        [warning] = check_console()
        assert (warning.id, warning.level) == ("dispatcher.W004", 30)


def test_project_without_the_admin_needs_no_console(shop: str, urls: None) -> None:
    with override_settings(ROOT_URLCONF=WithoutAdmin):
        assert check_console() == []
    with override_settings(ROOT_URLCONF=None):
        assert check_console() == []


def test_shop_has_no_warning(shop: str) -> None:
    assert check_console() == []


def test_numbers_in_full_are_not_among_the_permissions_to_view(shop: str) -> None:
    named = Permission.objects.filter(content_type__app_label="dispatcher", name__contains="full")
    assert [one.codename for one in named] == ["show_full_numbers"]


def test_permission_of_an_older_installation_keeps_its_owners(shop: str) -> None:
    luc = User.objects.create_user("luc")
    luc.user_permissions.add(Permission.objects.get(codename="show_full_numbers"))
    try:
        call_command("migrate", "dispatcher", "0001", verbosity=0)
        assert luc.user_permissions.get().codename == "view_full_numbers"
    finally:
        call_command("migrate", "dispatcher", verbosity=0)

    assert User.objects.get().has_perm("dispatcher.show_full_numbers")
    assert not Permission.objects.filter(codename="view_full_numbers").exists()


def test_role_of_an_older_installation_may_set_budgets(shop: str) -> None:
    group, _ = Group.objects.get_or_create(name="SMS: operates")
    other, _ = Group.objects.get_or_create(name="another group of the project")
    try:
        call_command("migrate", "dispatcher", "0003", verbosity=0)
        Permission.objects.filter(codename="set_budget").delete()
        assert not group.permissions.filter(codename="set_budget").exists()
    finally:
        call_command("migrate", "dispatcher", verbosity=0)

    assert group.permissions.get(codename="set_budget").name == "Can set and remove budgets of tags"
    assert Permission.objects.filter(codename="set_budget").count() == 1
    assert not other.permissions.exists()

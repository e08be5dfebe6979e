"""Users of the console in tests, and what they read."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from dispatcher.contrib.django.console.roles import group_of

SignIn = Callable[..., Client]


@pytest.fixture
def sign_in(sqlite_shop: str) -> SignIn:
    """A client in which a user of these roles is signed in."""
    from django.contrib.auth.models import Group, Permission, User

    from dispatcher.contrib.django.console.roles import make_groups

    make_groups(using="default")

    def client(
        *roles: str, sees_numbers: bool = False, language: str = "fr", name: str = "zoe"
    ) -> Client:
        user = User.objects.create_user(name, password="soleil-vert-27")
        user.groups.set(Group.objects.filter(name__in=[group_of(role) for role in roles]))
        if sees_numbers:
            user.user_permissions.set(Permission.objects.filter(codename="show_full_numbers"))
        found = Client(headers={"accept-language": language})
        found.force_login(user)
        return found

    return client


def text(answer: Any) -> str:
    """What a person reads of a page."""
    page = re.sub(r"<(script|style).*?</\1>", "", answer.content.decode(), flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", page).replace("&#x27;", "'").split())

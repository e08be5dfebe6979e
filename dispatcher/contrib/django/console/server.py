"""What ``dispatcher console`` does: serves the pages, and makes users."""

from __future__ import annotations

import logging
import signal
from collections.abc import Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import translation

from dispatcher.contrib.django import dispatcher
from dispatcher.contrib.django.console.roles import FULL_NUMBERS, group_of
from dispatcher.contrib.django.database import DjangoDatabase
from dispatcher.errors import ConfigurationError, IllegalMove


def prepare() -> None:
    """Make the tables of users and of the dispatcher, and the groups of the roles."""
    from django.core.management import call_command

    call_command("migrate", verbosity=0, interactive=False)


def make_user(
    name: str, password: str, roles: Sequence[str], *, sees_numbers: bool, language: str = "en"
) -> None:
    """Add a user.

    Raises IllegalMove for a name that is taken. Raises ConfigurationError, in the ``language`` with
    this code, for a name that cannot be one and for a weak password.
    """
    from django.contrib.auth.models import Group, Permission, User
    from django.contrib.auth.password_validation import validate_password

    if User.objects.filter(username=name).exists():
        raise IllegalMove(f"there is a user {name!r} already")
    user = User(username=name)
    with translation.override(language):  # the project's own is French
        try:
            user.full_clean(exclude=["password"])
            validate_password(password, user)
        except ValidationError as error:
            raise ConfigurationError(" ".join(error.messages)) from None
    user.set_password(password)
    with transaction.atomic():
        if isinstance(dispatcher.database, DjangoDatabase):
            dispatcher.database.take_turn()
        user.save()
        user.groups.set(Group.objects.filter(name__in=[group_of(role) for role in roles]))
        if sees_numbers:
            codename = FULL_NUMBERS.partition(".")[2]
            user.user_permissions.set(Permission.objects.filter(codename=codename))
        may = [*roles, *(["sees numbers"] if sees_numbers else [])]
        dispatcher.record.note("add user", reason=f"{name} of the console: {', '.join(may)}")


def serve(host: str, port: int, said: Any) -> None:
    """Serve the pages until SIGTERM or SIGINT; ``said`` is called with the port."""
    from django.core.wsgi import get_wsgi_application
    from waitress import create_server

    from dispatcher.contrib.django.console.uploads import MOST

    logging.getLogger("waitress").setLevel(logging.ERROR)
    try:
        server = create_server(
            get_wsgi_application(),
            host=host,
            port=port,
            threads=8,
            ident="dispatcher",
            max_request_body_size=MOST + 1024 * 1024,
        )
    except OSError as error:
        raise ConfigurationError(f"{host} port {port} cannot be listened on: {error}") from None

    def stop(*_: object) -> None:
        raise SystemExit(0)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    said(server.effective_port)
    server.run()

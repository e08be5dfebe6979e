"""The Django app and what it registers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.apps import AppConfig
from django.core import checks
from django.core.signals import setting_changed
from django.db.models.signals import post_migrate


class DispatcherConfig(AppConfig):
    """SMS campaigns: one setting, one object, commands, and links to the console in the admin."""

    name = "dispatcher.contrib.django"
    label = "dispatcher"
    verbose_name = "SMS campaigns"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the checks, who is signed in, and the tables after each migrate."""
        from dispatcher.api import series_lists
        from dispatcher.api.actor import ask
        from dispatcher.contrib.django import reporter, signed_in, under_test
        from dispatcher.contrib.django.checks import check_console, check_settings, check_tables
        from dispatcher.contrib.django.migrate import follow
        from dispatcher.contrib.django.surroundings import check_surroundings
        from dispatcher.settings import origin

        under_test.remember_live()
        ask(signed_in.user_name)
        origin.ask(signed_in.origin)
        signed_in.install()
        reporter.install()
        series_lists.ask(_read)
        checks.register(check_settings)
        checks.register(check_tables, checks.Tags.database)
        checks.register(check_surroundings)
        checks.register(check_console, checks.Tags.urls)
        post_migrate.connect(follow, sender=self, dispatch_uid="dispatcher.tables")
        setting_changed.connect(_forget, dispatch_uid="dispatcher.settings")


def _read(people: Any, text: str, consent: str | None, reading: Mapping[str, Any]) -> Any:
    """The list of a series, which may be a QuerySet."""
    from dispatcher.contrib.django.querysets import streamed
    from dispatcher.contrib.people import asked_of

    return streamed(people, asked_of(text, consent, reading))


def _forget(*, setting: str, **_: Any) -> None:
    if setting in {"DISPATCHER", "DATABASES"}:
        from dispatcher.contrib.django import lazy

        lazy.forget()

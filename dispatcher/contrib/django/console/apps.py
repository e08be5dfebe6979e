"""The Django app of the console."""

from __future__ import annotations

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class ConsoleConfig(AppConfig):
    """Pages for people who run campaigns, and the three roles that they may have."""

    name = "dispatcher.contrib.django.console"
    label = "dispatcher_console"
    verbose_name = "SMS console"

    def ready(self) -> None:
        """Make the groups of the roles after each migrate."""
        from dispatcher.contrib.django.console.roles import make_groups

        post_migrate.connect(make_groups, dispatch_uid="dispatcher.console.roles")

"""Models for permissions and for the links in the admin. None of them has rows.

The rows are the dispatcher's own; ``dispatcher.progress``, ``batches`` and the like read them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models

if TYPE_CHECKING:
    _Nothing = models.Manager["_Listed"]
else:
    _Nothing = models.Manager


class Nothing(_Nothing):
    """Finds nothing, so that ``dumpdata`` and other tools that read every model skip it."""

    def get_queryset(self) -> models.QuerySet[_Listed]:
        """No rows."""
        return super().get_queryset().none()


class _Listed(models.Model):
    objects = Nothing()

    class Meta:
        abstract = True


class Campaign(_Listed):
    """One text to many recipients."""

    class Meta:
        managed = False
        default_permissions = ("view",)
        permissions = (
            ("pause_campaign", "Can pause a campaign"),
            ("resume_campaign", "Can resume a campaign"),
            ("cancel_campaign", "Can cancel a campaign"),
            ("write_campaign", "Can write and submit a campaign"),
            ("approve_campaign", "Can approve a campaign"),
            ("send_test", "Can send a test to the testers"),
            ("manage_testers", "Can add and remove testers"),
            ("take_results", "Can download results"),
            ("read_replies", "Can read replies"),
            ("see_installation", "Can see settings, checks and the record of actions"),
            ("set_budget", "Can set and remove budgets of tags"),
        )


class Doubt(_Listed):
    """A batch of which it is not known whether the gateway took it."""

    class Meta:
        managed = False
        default_permissions = ("view",)
        verbose_name = "batch in doubt"
        verbose_name_plural = "batches in doubt"
        permissions = (
            ("resend_doubt", "Can have a batch in doubt sent again"),
            ("give_up_doubt", "Can give up a batch in doubt"),
        )


class OptOut(_Listed):
    """A number that said STOP."""

    class Meta:
        managed = False
        default_permissions = ("view", "add")
        verbose_name = "opt-out"
        # not "view_…": who is given every permission to view does not get it
        permissions = (
            ("show_full_numbers", "Can see phone numbers in full"),
            ("take_back_optout", "Can take an opt-out back after a new consent"),
        )

"""What a person may do in the console: three ready roles, each a group of permissions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

#: each permission, as ``request.user.has_perm`` takes it
VIEW: Final = "dispatcher.view_campaign"
WRITE: Final = "dispatcher.write_campaign"
APPROVE: Final = "dispatcher.approve_campaign"
TEST: Final = "dispatcher.send_test"
TESTERS: Final = "dispatcher.manage_testers"
RESULTS: Final = "dispatcher.take_results"
REPLIES: Final = "dispatcher.read_replies"
OPERATE: Final = "dispatcher.see_installation"
BUDGETS: Final = "dispatcher.set_budget"
OPT_OUTS: Final = "dispatcher.view_optout"
ADD_OPT_OUT: Final = "dispatcher.add_optout"
TAKE_BACK: Final = "dispatcher.take_back_optout"
FULL_NUMBERS: Final = "dispatcher.show_full_numbers"

_READS = (VIEW, "dispatcher.view_doubt", OPT_OUTS, REPLIES)
_STOPS = ("dispatcher.pause_campaign", "dispatcher.resume_campaign", "dispatcher.cancel_campaign")
#: role to permissions; nobody sees numbers in full by a role alone
ROLES: Final[Mapping[str, tuple[str, ...]]] = {
    "writes": (*_READS, WRITE, TEST, RESULTS, ADD_OPT_OUT),
    "approves": (*_READS, APPROVE, RESULTS, "dispatcher.pause_campaign"),
    "operates": (
        *_READS, *_STOPS, RESULTS, ADD_OPT_OUT, TAKE_BACK, TESTERS, OPERATE,
        BUDGETS, "dispatcher.resend_doubt", "dispatcher.give_up_doubt",
    ),
}  # fmt: skip


def group_of(role: str) -> str:
    """The name of a role's group among those of the project."""
    return f"SMS: {role}"


def make_groups(using: str, **_: Any) -> None:
    """Make the groups that do not exist yet; one that exists is the project's to change.

    It runs after the permissions of each app are made, and does its work once they all are.
    """
    from django.apps import apps
    from django.db import router

    if not apps.is_installed("django.contrib.auth"):
        return
    from django.contrib.auth.models import Group, Permission

    if not router.allow_migrate_model(using, Group):
        return
    ours = Permission.objects.using(using).filter(content_type__app_label="dispatcher")
    by_name = {f"dispatcher.{one.codename}": one for one in ours}
    for role, names in ROLES.items():
        if not all(name in by_name for name in names):
            return
        group, is_new = Group.objects.using(using).get_or_create(name=group_of(role))
        if is_new:
            group.permissions.set([by_name[name] for name in names])

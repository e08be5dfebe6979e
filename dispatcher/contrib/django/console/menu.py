"""The entries of the navigation that a user may open."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from dispatcher.contrib.django.console import roles

#: name of the page, its words, and the permissions of which one opens it
_PAGES = (
    ("home", _("Home"), (roles.VIEW,)),
    ("compose", _("New campaign"), (roles.WRITE,)),
    ("drafts", _("Drafts"), (roles.VIEW, roles.WRITE, roles.APPROVE)),
    ("campaigns", _("Campaigns"), (roles.VIEW,)),
    ("all_series", _("Series"), (roles.VIEW,)),
    ("replies", _("Replies"), (roles.REPLIES,)),
    ("opt_outs", _("Opt-outs"), (roles.OPT_OUTS,)),
    ("spend", _("Spend"), (roles.VIEW,)),
    ("doubts", _("Doubts"), ("dispatcher.view_doubt",)),
    ("testers", _("Testers"), (roles.TEST, roles.TESTERS)),
    ("checks", _("Installation"), (roles.OPERATE,)),
)
#: page without an entry -> the one that it belongs to
_PART_OF = {
    "outlook": "home",
    **dict.fromkeys(("draft", "test"), "drafts"),
    **dict.fromkeys(("campaign", "ask", "batch"), "campaigns"),
    **dict.fromkeys(
        ("series", "series_new", "series_plan", "series_change", "series_approve", "ask_series"),
        "all_series",
    ),
    "ask_doubt": "doubts",
    **dict.fromkeys(("settings", "record"), "checks"),
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry; ``here`` is "page" on its own page, and "true" on one that belongs to it."""

    label: Any
    url: str
    here: str


def entries(request: HttpRequest) -> list[Entry]:
    """What the user may open, in order; nothing for nobody."""
    user: Any = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return []
    match = request.resolver_match
    here = match.url_name if match else ""
    return [
        Entry(label, reverse(f"console:{name}"), _here(name, here))
        for name, label, permissions in _PAGES
        if any(map(user.has_perm, permissions))
    ]


def _here(name: str, shown: str | None) -> str:
    """The value of ``aria-current`` of an entry; empty for none."""
    if name == shown:
        return "page"
    return "true" if name == _PART_OF.get(shown or "") else ""

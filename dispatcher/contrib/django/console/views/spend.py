"""What campaigns cost, by month, account, tag, territory or campaign."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from heapq import nlargest
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dispatcher.api.spend_files import write_csv, write_xlsx
from dispatcher.campaigns.period import Period
from dispatcher.campaigns.spend import Amount, By, Spend, SpendRow
from dispatcher.contrib.django import dispatcher
from dispatcher.contrib.django.console import roles
from dispatcher.contrib.django.console.downloads import kind_of, kinds, written
from dispatcher.contrib.django.console.page import may, page, sentence, show
from dispatcher.contrib.django.console.reader import language_of
from dispatcher.errors import DispatcherError, NotFound, StorageError
from dispatcher.language import Language
from dispatcher.masking import masked

_DAYS = (1, 7, 31)
#: rows of a page; there may be as many campaigns as orders in a shop
_MOST = 200
#: what the rows may be
_PARTS = {
    By.MONTH: gettext_lazy("By month"),
    By.ACCOUNT: gettext_lazy("By account"),
    By.TAG: gettext_lazy("By tag"),
    By.TERRITORY: gettext_lazy("By territory"),
    By.CAMPAIGN: gettext_lazy("By campaign"),
}
#: what a row without a name is
_UNNAMED = {By.ACCOUNT: gettext_lazy("Default account"), By.TAG: gettext_lazy("no tag")}


@page(roles.VIEW)
def index(request: HttpRequest) -> HttpResponse:
    """Planned, reserved and charged of a period; below, budgets, the last days and each balance.

    Who may, sets budgets.
    """
    wrong = ""
    if request.method == "POST":
        if not may(request, roles.BUDGETS):
            raise PermissionDenied
        try:
            messages.success(request, _change(request))
            return redirect("console:spend")
        except StorageError:
            raise
        except DispatcherError as error:
            wrong = sentence(request, error)
    given = _given(request)
    if given["by"] not in map(str, By):
        given["by"] = By.MONTH.value
    try:
        spend = _spend(given)
    except StorageError:
        raise
    except DispatcherError as error:
        messages.warning(request, sentence(request, error))
        given |= dict.fromkeys(("from", "to", "tag"), "")
        spend = _spend(given)
    language = language_of(request)
    return show(
        request,
        "spend",
        _("Spend"),
        given=given,
        parts=[
            (str(by), words, urlencode(given | {"by": str(by)}), str(by) == given["by"])
            for by, words in _PARTS.items()
        ],
        rows=[(_name(spend.by, row.name, language), row) for row in _dearest(spend.rows)],
        more=max(len(spend.rows) - _MOST, 0),
        spend=spend,
        kinds=[(kind, urlencode(given | {"format": kind})) for kind in kinds() if kind != "jsonl"],
        accounts=_accounts(),
        budgets=dispatcher.budgets.all(),
        may_change=may(request, roles.BUDGETS),
        wrong=wrong,
    )


@page(roles.VIEW)
def download(request: HttpRequest) -> HttpResponseBase:
    """The same table as a file."""
    given = _given(request)
    spend, kind = _spend(given), kind_of(request)
    if kind == "xlsx":
        return written(f"spend-{spend.by}", kind, partial(write_xlsx, spend))
    return written(f"spend-{spend.by}", "csv", partial(_csv, spend))


def _change(request: HttpRequest) -> str:
    """Set or remove a budget; what is said of it."""
    tag = request.POST.get("budget_tag", "").strip()
    if "remove" in request.POST:
        with suppress(NotFound):  # a second click, or somebody else's
            dispatcher.budgets.remove(tag)
        return _("Campaigns with tag %(tag)s may cost anything.") % {"tag": masked(tag)}
    budget = dispatcher.budgets.set(tag, request.POST.get("euros", "").strip())
    return _("The budget of tag %(tag)s is set.") % {"tag": masked(budget.tag)}


def _given(request: HttpRequest) -> dict[str, str]:
    return {name: request.GET.get(name, "").strip() for name in ("by", "from", "to", "tag")}


def _csv(spend: Spend, stream: Any) -> None:
    write_csv(spend, stream)


def _spend(given: dict[str, str]) -> Spend:
    period = Period.of(given["from"] or None, given["to"] or None)
    return dispatcher.spend(
        given["by"] or "month", since=period.since, until=period.until, tag=given["tag"] or None
    )


def _dearest(rows: Sequence[SpendRow]) -> Sequence[SpendRow]:
    """All, or the dearest where there are too many for a page."""
    if len(rows) <= _MOST:
        return rows
    return nlargest(_MOST, rows, key=lambda row: _size(row.charged + row.reserved))


def _size(amount: Amount) -> tuple[Decimal, int]:
    return amount.euros, amount.messages


def _name(by: By, name: str, language: Language) -> str:
    """The name of a row for people."""
    if by is By.MONTH:
        said = language.forms.month(datetime.fromisoformat(f"{name}-01").date())
        return said[:1].upper() + said[1:]
    return name or str(_UNNAMED.get(by, ""))


def _accounts() -> list[dict[str, Any]]:
    """What each account has spent lately, and has still to spend."""
    rows = []
    for name in ["", *dispatcher.settings.accounts]:
        account = dispatcher.for_account(name)
        spent = account.spent_within([timedelta(days=days) for days in _DAYS])
        to_go, unpriced = account.to_go()
        rows.append(
            {
                "name": name,
                "spent": [
                    {"days": days, "charged": one.charged, "planned": one.planned}
                    for days, one in zip(_DAYS, spent, strict=True)
                ],
                "to_go": to_go,
                "unpriced": ", ".join(unpriced),
                "credit": account.credit(),
            }
        )
    return rows

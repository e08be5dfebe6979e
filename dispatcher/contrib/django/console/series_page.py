"""What the pages of one series show of it."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from dispatcher.campaigns.series import Series
from dispatcher.contrib.django import dispatcher
from dispatcher.contrib.django.console.reader import language_of
from dispatcher.contrib.django.console.rule_words import in_words


def row(request: HttpRequest, series: Series) -> dict[str, Any]:
    """The series, and its rule in words."""
    return {"series": series, "rule": in_words(series, language_of(request))}


def facts(request: HttpRequest, series: Series) -> dict[str, Any]:
    """The same with all that ``series_facts.html`` shows."""
    account = series.account if dispatcher.settings.accounts else ""
    return {**row(request, series), "sender": sender_of(series), "account": account}


def sender_of(series: Series) -> str:
    """Its sender, or that of its account; empty if neither is known."""
    accounts = dispatcher.settings.accounts
    known = not series.account or series.account in accounts
    own = (dispatcher.settings.of_account(series.account).sender or "") if known else ""
    return series.options.get("sender") or own

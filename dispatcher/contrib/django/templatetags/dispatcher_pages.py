"""Filters and tags for progress, instants and numbers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from django import template
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from dispatcher.campaigns import wording
from dispatcher.campaigns.bar import percent_ended, pieces
from dispatcher.campaigns.progress import Progress
from dispatcher.campaigns.wording import moment, standing
from dispatcher.masking import mask
from dispatcher.masking import masked as numbers_masked

register = template.Library()

#: of the states that are drawn
COLOURS = {
    "delivered": "#2f9e44",
    "undelivered": "#c92a2a",
    "rejected": "#e03131",
    "unreported": "#e8b100",
    "opted_out": "#868e96",
    "withdrawn": "#868e96",
    "expired": "#868e96",
    "cancelled": "#868e96",
    "sent": "#1c7ed6",
    "in_doubt": "#f76707",
}
_WIDTH = 1000


@register.filter
def bar(messages: Mapping[str, int]) -> SafeString:
    """A bar of the states of messages; pending messages are its empty rest."""
    parts = [
        (piece.start, max(1, piece.width), COLOURS[piece.state])
        for piece in pieces(messages, _WIDTH)
        if piece.state in COLOURS
    ]
    # attributes and no style: a strict Content-Security-Policy forbids inline styles
    drawn = format_html_join(
        "", '<rect x="{}" y="0" width="{}" height="10" fill="{}"></rect>', parts
    )
    label = ", ".join(f"{count:,} {_words(state)}" for state, count in messages.items() if count)
    return format_html(
        '<svg class="dispatcher-bar" role="img" aria-label="{}" viewBox="0 0 {} 10" height="12"'
        ' width="100%" preserveAspectRatio="none"><title>{}</title>'
        '<rect x="0" y="0" width="{}" height="10" fill="#adb5bd" opacity="0.35"></rect>{}</svg>',
        label,
        _WIDTH,
        label,
        _WIDTH,
        drawn,
    )


@register.filter
def ended(messages: Mapping[str, int]) -> str:
    """The share of messages that have ended."""
    return f"{percent_ended(messages)} %"


@register.filter
def words(state: object) -> str:
    """A state as a person reads it: "opted out"."""
    return _words(str(state))


@register.filter
def at(instant: datetime | None) -> str:
    """An instant on the project's clock; a dash for none."""
    if instant is None:
        return "–"
    return date_format(timezone.localtime(instant), "Y-m-d H:i:s")


@register.filter
def until(instant: datetime, now: datetime) -> str:
    """An instant that is near, on the project's clock: "Tuesday 08:00"."""
    return moment(instant, now, timezone.get_current_timezone())


@register.filter
def euros(amount: Decimal) -> str:
    """An amount of money: "1,234.50 €"."""
    return wording.euros(amount)


@register.filter
def waits(progress: Progress, now: datetime) -> str:
    """Why a campaign waits and until when, on the clock of Paris."""
    return numbers_masked(standing(progress, now))


@register.filter
def masked(words: object) -> str:
    """A free text with everything masked that may be a phone number."""
    return numbers_masked(str(words))


@register.simple_tag
def number(phone: str, in_full: bool) -> str:
    """A phone number, its middle hidden unless ``in_full``."""
    return phone if in_full else mask(phone)


def _words(state: str) -> str:
    return state.replace("_", " ")

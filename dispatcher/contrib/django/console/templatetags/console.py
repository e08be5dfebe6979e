"""Filters that write states, reasons, instants and numbers in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import ngettext

from dispatcher.campaigns import wording
from dispatcher.campaigns.bar import ENDED, OPEN, percent_ended, pieces
from dispatcher.campaigns.draft import SYSTEM, TOKEN
from dispatcher.campaigns.progress import Progress
from dispatcher.campaigns.records import Page
from dispatcher.language import Language
from dispatcher.masking import mask, masked
from dispatcher.recipients.reasons import EXPLANATIONS
from dispatcher.window.territories import TERRITORIES

register = template.Library()
_WIDTH = 1000


@register.filter
def say(sentence: object, language: Language) -> str:
    """A sentence of the library, translated and without numbers; it begins with a capital."""
    said = masked(language.say(str(sentence)))
    return said[:1].upper() + said[1:]


@register.filter
def rejection(reason: str, language: Language) -> str:
    """Why a row gets no message, with what to do."""
    return say(EXPLANATIONS.get(reason, reason), language)


@register.filter
def finding(sentence: str, language: Language) -> str:
    """What a check found; the place that stands before it is a name and stays."""
    if language.knows(sentence):
        return say(sentence, language)
    return masked(language.after_place(sentence))


@register.filter
def check(name: str, language: Language) -> str:
    """The name of a check, perhaps with that of an account."""
    word, _, account = name.partition(" ")
    said = language.word("check", word)
    return f"{said[:1].upper()}{said[1:]} {account}".strip()


@register.filter
def clause(sentence: object, language: Language) -> str:
    """The same as the rest of a longer sentence; a name that stands before it stays."""
    return masked(language.after_place(str(sentence)))


@register.filter
def state(name: object, language: Language) -> str:
    """The state of a campaign."""
    return language.word("campaign", str(name))


@register.filter
def batch_state(name: object, language: Language) -> str:
    """The state of a batch."""
    return language.word("batch", str(name))


@register.filter
def series_state(name: object, language: Language) -> str:
    """The state of a series."""
    return language.word("series", str(name))


@register.filter
def message_state(name: object, language: Language) -> str:
    """The state of several messages."""
    return language.word("message", str(name))


@register.filter
def one_message(name: object, language: Language) -> str:
    """The state of one message."""
    return language.word("one message", str(name))


@register.filter
def verb(name: object, language: Language) -> str:
    """What somebody did."""
    return language.word("verb", str(name))


@register.filter
def territory(name: str, language: Language) -> str:
    """A territory's name for people."""
    found = TERRITORIES.get(name)
    return language.word("territory", found.label) if found else name


@register.filter
def waits(progress: Progress, of: tuple[Language, datetime]) -> str:
    """Why a campaign waits and until when, on the clock of Paris; begins with a capital."""
    said = masked(wording.standing(progress, now=of[1], language=of[0]))
    return said[:1].upper() + said[1:]


@register.simple_tag
def reading(language: Language, now: datetime) -> tuple[Language, datetime]:
    """Who reads, and when: what ``waits`` and ``until`` take."""
    return language, now


@register.filter
def until(instant: datetime, of: tuple[Language, datetime]) -> str:
    """An instant that is near: "Tuesday 08:00"."""
    language, now = of
    return language.forms.moment(instant, now)


@register.filter
def at(instant: datetime | None, language: Language) -> str:
    """An instant with its day; a dash for none."""
    return "–" if instant is None else language.forms.instant(instant)


@register.filter
def count(value: int, language: Language) -> str:
    """A whole number."""
    return language.forms.number(value)


@register.filter
def euros(amount: Decimal, language: Language) -> str:
    """An amount of money."""
    return language.forms.euros(amount)


@register.filter
def hidden_unless(words: object, in_full: bool) -> str:
    """The same, but for whoever may see numbers."""
    return str(words) if in_full else masked(str(words))


@register.filter
def hidden(words: object) -> str:
    """A free text with everything masked that may be a phone number."""
    return masked(str(words))


@register.filter
def person(name: object, language: Language) -> str:
    """Who acts; the mark behind a name that no login gave is translated."""
    words = str(name)
    return masked(language.say(words) if words.endswith((SYSTEM, TOKEN)) else words)


@register.filter
def people(names: Sequence[str], language: Language) -> str:
    """The same of several."""
    return ", ".join(person(name, language) for name in names)


@register.filter
def lasting(duration: timedelta | int) -> str:
    """How long something takes, or so many seconds: "2 h"."""
    minutes = round((duration if isinstance(duration, int) else duration.total_seconds()) / 60)
    if minutes and minutes % 1440 == 0:
        days = minutes // 1440
        return ngettext("%(n)s day", "%(n)s days", days) % {"n": days}
    return f"{minutes // 60} h" if minutes % 60 == 0 else f"{minutes} min"


@register.simple_tag
def colon(language: Language) -> str:
    """A colon and what stands around it; French has a space before it."""
    return "\u00a0: " if language.code == "fr" else ": "


@register.simple_tag
def number(phone: str, in_full: bool) -> str:
    """A phone number, its middle hidden unless ``in_full``."""
    return phone if in_full else mask(phone)


@register.filter
def ended(messages: Mapping[str, int]) -> int:
    """How many in a hundred messages have ended."""
    return percent_ended(messages)


@register.filter
def counted(messages: Mapping[str, int]) -> list[tuple[str, int]]:
    """The states that have messages, in the order of the bar."""
    return [(name, messages[name]) for name in (*ENDED, *OPEN) if messages.get(name)]


@register.filter
def bar(messages: Mapping[str, int], language: Language) -> SafeString:
    """A bar of the states of messages; classes and no styles, as the policy of the pages wants."""
    drawn = format_html_join(
        "",
        '<rect class="{}" x="{}" y="0" width="{}" height="10"></rect>',
        ((one.state, one.start, max(one.width, 1)) for one in pieces(messages, _WIDTH)),
    )
    label = ", ".join(
        f"{count(total, language)} {message_state(name, language)}"
        for name, total in counted(messages)
    )
    return format_html(
        '<svg class="bar" role="img" aria-label="{}" viewBox="0 0 {} 10"'
        ' preserveAspectRatio="none"><rect class="ground" width="{}" height="10"></rect>{}</svg>',
        label or "0",
        _WIDTH,
        _WIDTH,
        drawn,
    )


@register.filter
def span(page: Page[Any], language: Language) -> str:
    """Which entries a page of a list shows: "51–100 / 1,234"."""
    number = language.forms.number
    first, last = number(page.offset + 1), number(page.offset + len(page))
    return f"{first}–{last} / {number(page.total)}"


@register.filter
def month(value: date, language: Language) -> str:
    """A month: "April 2027"."""
    said = language.forms.month(value)
    return said[:1].upper() + said[1:]


@register.filter
def at_index(values: Sequence[str], number: int) -> str:
    """One of several words."""
    return values[number]


@register.filter
def day(value: date, language: Language) -> str:
    """A day: "13 April 2027"."""
    return language.forms.day_of(value)

"""Sentences about campaigns, for the command line and for the pages of Django and Flask."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dispatcher.campaigns.prices import euros_of
from dispatcher.language import ENGLISH, Language
from dispatcher.window.slots import PARIS

if TYPE_CHECKING:
    from datetime import datetime
    from decimal import Decimal
    from zoneinfo import ZoneInfo

    from dispatcher.campaigns.prices import Prices
    from dispatcher.campaigns.progress import Progress
    from dispatcher.campaigns.records import Doubt


def moment(at: datetime, now: datetime, zone: ZoneInfo = PARIS) -> str:
    """An aware instant on the clock of ``zone``: "Tuesday 08:00".

    The date is added unless it is today or one of the next six days.
    """
    return ENGLISH.forms.moment(at, now, zone)


#: in English whatever the locale of the process
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def stamp(at: datetime) -> str:
    """An aware instant on the clock of Paris, for a sentence that is read whenever.

    It is like "Saturday 2027-03-27 20:00", which a language writes in its own form.
    """
    local = at.astimezone(PARIS)
    return f"{_DAYS[local.weekday()]} {local:%Y-%m-%d %H:%M}"


def standing(progress: Progress, now: datetime, language: Language = ENGLISH) -> str:
    """Why a campaign waits, and until when; empty if it does not wait."""
    why = language.say(progress.why)
    if progress.waits_until is None:
        return why
    until = language.forms.moment(progress.waits_until, now)
    if not why:
        return language.text("waits until {moment}", moment=until)
    return language.text("waits until {moment}: {reason}", moment=until, reason=why)


def in_flight(progress: Progress) -> str:
    """The batches of a paused or cancelled campaign that may still leave."""
    sending, held = progress.batches["sending"], progress.batches["handed_over"]
    parts = []
    if sending:
        parts.append(f"{counted(sending, 'batch', 'batches')} in flight, which cannot be stopped")
    if held:
        parts.append(f"{counted(held, 'batch', 'batches')} asked back from the gateway")
    return "; ".join(parts) or "nothing is in flight"


def about_doubt(doubt: Doubt, risk: str) -> str:
    """Which batch is in doubt, how many people it concerns, and the risk of a decision."""
    batch = f"Batch {doubt.batch_id} of {doubt.reference}"
    return f"{batch} concerns {people_of(doubt)}. {risk[:1].upper()}{risk[1:]}"


def risk_of_resend(doubt: Doubt, prices: Prices) -> str:
    """What happens if a batch that the gateway took is sent again, and what that costs."""
    price = euros_of({doubt.territory: doubt.segments}, prices)
    cost = "" if price is None else f" (about {euros(price)})"
    twice = f"{people_of(doubt)} will be texted twice and billed twice{cost}"
    return f"if the gateway took it after all, {twice}"


def risk_of_giving_up(doubt: Doubt) -> str:
    """What happens if a batch that the gateway did not take is given up."""
    return f"if the gateway did not take it, {people_of(doubt)} will never get the text"


def people_of(doubt: Doubt) -> str:
    """How many people a doubt concerns: "1 person"."""
    return counted(doubt.messages, "person", "people")


def euros(amount: Decimal) -> str:
    """An amount of money as people read it: "1,234.50 €"."""
    return ENGLISH.forms.euros(amount)


def counted(count: int, one: str, many: str | None = None) -> str:
    """A number and its noun: "1 batch", "3,000 rows"."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"

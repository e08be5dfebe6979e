"""The rule of a series in words: every Friday at 10:00."""

from __future__ import annotations

from datetime import date, datetime
from typing import Final

from django.utils.translation import gettext as _

from dispatcher.campaigns.series import Series
from dispatcher.language import Language

_DAYS: Final = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
#: the parts of a rule that are said in words; a rule with another one is shown as it is
_SAID: Final = {
    *("FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST", "BYMONTHDAY", "BYDAY", "BYHOUR", "BYMINUTE"),
}


def in_words(series: Series, language: Language) -> str:
    """The rule for people; as it is written where no words are known for it."""
    parts = dict(part.split("=", 1) for part in series.rule.split(";"))
    said = _often(parts, series.since, language) if parts.keys() <= _SAID else ""
    return f"{said}{_end(parts, language)}" if said else series.rule


def _often(parts: dict[str, str], since: date, language: Language) -> str:
    every = int(parts.get("INTERVAL", "1"))
    values = {"at": _times(parts, language), "n": language.forms.number(every)}
    days, of_month = parts.get("BYDAY", ""), parts.get("BYMONTHDAY", "")
    match parts["FREQ"]:
        case "DAILY" if not days and not of_month:
            said = _("every %(n)s days at %(at)s") if every > 1 else _("every day at %(at)s")
        case "WEEKLY" if not of_month:
            values["days"] = _days(days or _DAYS[since.weekday()], language)
            said = (
                _("every %(n)s weeks, on %(days)s, at %(at)s")
                if every > 1
                else _("every %(days)s at %(at)s")
            )
        case "MONTHLY" if every == 1 and days[:-2] in _ordinals() and not of_month:
            values |= {"which": _ordinals()[days[:-2]], "day": _days(days[-2:], language)}
            said = _("the %(which)s %(day)s of the month at %(at)s")
        case "MONTHLY" if every == 1 and not days and of_month == "-1":
            said = _("the last day of the month at %(at)s")
        case "MONTHLY" if every == 1 and not days and of_month.isdecimal():
            values["day"] = of_month
            said = _("day %(day)s of the month at %(at)s")
        case _:
            return ""
    return said % values


def _ordinals() -> dict[str, str]:
    return {"1": _("first"), "2": _("second"), "3": _("third"), "4": _("fourth"), "-1": _("last")}


def _days(names: str, language: Language) -> str:
    numbers = sorted(_DAYS.index(name) for name in names.split(","))
    return _listed([language.forms.days[number] for number in numbers])


def _times(parts: dict[str, str], language: Language) -> str:
    hours = sorted(map(int, parts.get("BYHOUR", "0").split(",")))
    minutes = sorted(map(int, parts.get("BYMINUTE", "0").split(",")))
    return _listed([language.forms.clock(hour, one) for hour in hours for one in minutes])


def _end(parts: dict[str, str], language: Language) -> str:
    if "COUNT" in parts:
        return _(", %(n)s times in all") % {"n": language.forms.number(int(parts["COUNT"]))}
    if "UNTIL" in parts:
        last = datetime.strptime(parts["UNTIL"][:8], "%Y%m%d").date()  # noqa: DTZ007
        return _(", until %(day)s") % {"day": language.forms.day_of(last)}
    return ""


def _listed(words: list[str]) -> str:
    *first, last = words
    return (
        _("%(first)s and %(last)s") % {"first": ", ".join(first), "last": last} if first else last
    )

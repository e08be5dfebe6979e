"""The thirteen French territories, with their clocks and public holidays.

The calendar is that of the ``holidays`` package, unchanged. For overseas territories it has more
days than the law: Good Friday, mid-Lent and 21 July in Guadeloupe, Good Friday and 21 July in
Martinique, and 21 July in Saint-Martin, which are holidays by custom. Messages there wait up to
three days a year more than the law requires, which is the safe side.

A French holiday on a Sunday is not moved to another day. Alsace-Moselle has two more days than
the rest of the mainland, and a phone number does not show it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from functools import cache, partial
from importlib.metadata import version
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import MappingProxyType
from zoneinfo import ZoneInfo

import holidays
from holidays import HolidayBase

from dispatcher.errors import InvalidCampaign

#: the version of the calendar, stored with each decision
CALENDAR_VERSION: str = f"holidays {version('holidays')}"


@dataclass(frozen=True)
class Territory:
    """A French calendar and clock.

    ``zone`` is an IANA name, ``subdivision`` the code by which the ``holidays`` package knows
    the territory (``None``: the national days alone), ``label`` its name for people.
    """

    name: str
    zone: str
    subdivision: str | None
    label: str

    def local(self, at: datetime) -> datetime:
        """``at`` on the clock of the territory. Raises ValueError if it has no time zone."""
        if at.utcoffset() is None:
            raise ValueError("the window takes an aware datetime: give it a time zone")
        return at.astimezone(ZoneInfo(self.zone))

    def instant(self, day: date, hour: time) -> datetime:
        """The instant (UTC) at which the clock of the territory shows this day and hour."""
        return datetime.combine(day, hour, tzinfo=ZoneInfo(self.zone)).astimezone(UTC)


TERRITORIES: Mapping[str, Territory] = MappingProxyType(
    {
        territory.name: territory
        for territory in (
            Territory("metropole", "Europe/Paris", None, "Metropolitan France"),
            # the package has Alsace and Moselle apart, with the same days
            Territory("alsace-moselle", "Europe/Paris", "6AE", "Alsace-Moselle"),
            Territory("guadeloupe", "America/Guadeloupe", "971", "Guadeloupe"),
            Territory("saint-martin", "America/Marigot", "MF", "Saint-Martin"),
            Territory("saint-barthelemy", "America/St_Barthelemy", "BL", "Saint-Barthélemy"),
            Territory("martinique", "America/Martinique", "972", "Martinique"),
            Territory("guyane", "America/Cayenne", "973", "French Guiana"),
            Territory("la-reunion", "Indian/Reunion", "974", "La Réunion"),
            Territory("mayotte", "Indian/Mayotte", "976", "Mayotte"),
            Territory(
                "saint-pierre-et-miquelon", "America/Miquelon", "PM", "Saint-Pierre-et-Miquelon"
            ),
            Territory("nouvelle-caledonie", "Pacific/Noumea", "NC", "New Caledonia"),
            Territory("polynesie-francaise", "Pacific/Tahiti", "PF", "French Polynesia"),
            Territory("wallis-et-futuna", "Pacific/Wallis", "WF", "Wallis and Futuna"),
        )
    }
)

#: a message repeats only what looks like a name: a cell may hold a phone number
_LOOKS_LIKE_A_NAME = re.compile(r"[^\W\d]([^\W\d]|[ '’-]){0,39}")


#: the numbers of the departments (INSEE), as lists write them: Excel drops the zero of 01
_DEPARTMENTS = {
    "metropole": (
        *("2a", "2b", *"123456789"),
        *(f"{number:02}" for number in range(1, 96) if number not in {57, 67, 68}),
    ),
    "alsace-moselle": ("57", "67", "68"),
    "guadeloupe": ("971",),
    "martinique": ("972",),
    "guyane": ("973",),
    "la-reunion": ("974",),
    "saint-pierre-et-miquelon": ("975",),
    "mayotte": ("976",),
    "saint-barthelemy": ("977",),
    "saint-martin": ("978",),
    "wallis-et-futuna": ("986",),
    "polynesie-francaise": ("987",),
    "nouvelle-caledonie": ("988",),
}
#: French names beside the labels, as _folded() leaves them
_ALSO = {
    "metropole": ("france", "francemetropolitaine"),
    "alsace-moselle": ("alsace", "moselle"),
    "saint-martin": ("stmartin",),
    "saint-barthelemy": ("stbarthelemy", "saintbarth", "stbarth"),
    "guyane": ("guyanefrancaise",),
    "la-reunion": ("reunion",),
    "saint-pierre-et-miquelon": ("stpierreetmiquelon", "saintpierremiquelon"),
    "nouvelle-caledonie": ("caledonie",),
    "polynesie-francaise": ("polynesie", "tahiti"),
    "wallis-et-futuna": ("wallis", "wallisfutuna"),
}


def find(name: str) -> Territory:
    """The territory of this name or label, in English or French, accents and case left aside.

    The number of a department is a name, too; 57, 67 and 68 are Alsace-Moselle. Codes of two
    letters are not: a cell "NC" also stands for "not communicated".
    Raises InvalidCampaign, which lists the known ones.
    """
    known = TERRITORIES.get(name) or _by_any_name().get(_folded(name))
    if known is not None:
        return known
    named = f" {name!r}" if _LOOKS_LIKE_A_NAME.fullmatch(name) else ""
    raise InvalidCampaign(f"unknown territory{named}; the known ones are {', '.join(TERRITORIES)}")


@cache
def _by_any_name() -> Mapping[str, Territory]:
    return {
        _folded(alias): one
        for one in TERRITORIES.values()
        for alias in (*_DEPARTMENTS[one.name], one.name, one.label, *_ALSO.get(one.name, ()))
    }


def _folded(name: str) -> str:
    letters = unicodedata.normalize("NFKD", name).casefold()
    return "".join(letter for letter in letters if letter.isalnum())


@cache
def _france() -> Callable[..., HolidayBase]:
    """The calendar of France, loaded from its own file.

    The package itself imports the calendars of 250 countries, which takes 8 MB in each process.
    """
    file = Path(holidays.__file__).with_name("countries") / "france.py"
    spec = spec_from_file_location("holidays_of_france", file)
    if spec is None or spec.loader is None:
        return partial(holidays.country_holidays, "FR")
    module = module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
        france: Callable[..., HolidayBase] = module.France
    except (OSError, ImportError, AttributeError):  # another version has another layout
        return partial(holidays.country_holidays, "FR")
    return france


@cache
def closed_days(territory_name: str, year: int) -> Mapping[date, str]:
    """The public holidays of one year, in order, each with its English name.

    Raises InvalidCampaign for a year without a calendar (after 2100): an empty year would
    be open on every holiday.
    """
    territory = find(territory_name)
    # without a language, the labels would depend on the locale of the process
    calendar = _france()(subdiv=territory.subdivision, years=year, expand=False, language="en_US")
    if not calendar:
        raise InvalidCampaign(
            f"the calendar of public holidays ({CALENDAR_VERSION}) does not reach the year {year},"
            " so no message can be planned there"
        )
    return MappingProxyType({day: _label(name) for day, name in sorted(calendar.items())})


def _label(name: str) -> str:
    # two holidays on one day come as "Ascension Day; Victory Day"
    shortened = ("Ascension" if part == "Ascension Day" else part for part in name.split("; "))
    return " and ".join(shortened)

"""One person, everywhere: all that is stored about a number, and its erasure."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final

from dispatcher.api.action_record import ActionRecords
from dispatcher.api.actor import named, needed
from dispatcher.api.installation import Installation
from dispatcher.campaigns.last_contacts import day_of, is_future, today_of, years_before
from dispatcher.dispatch.erasures import Erased, Erasures
from dispatcher.errors import NotFound, UnusableInput
from dispatcher.masking import is_pseudonym
from dispatcher.recipients.phones import normalise
from dispatcher.recipients.pseudonyms import Pseudonyms
from dispatcher.storage import erasures, lost_keys, persons, pseudonymous, stale_people
from dispatcher.storage.batches import recalls
from dispatcher.storage.lost_keys import LostKeys
from dispatcher.storage.stale_people import StalePerson

log = logging.getLogger(__name__)

#: so far back goes no last contact
_MOST_YEARS: Final = 30
#: about a list of erasures of an earlier version
UNSEALED: Final = (
    "this list of erasures is from an earlier version: whether its end is missing cannot be seen"
)


class Persons:
    """What is stored about single people. Numbers may be in any spelling."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self._erasures = Erasures(installation.database, installation.clock)
        self._record = ActionRecords(installation)

    def show(self, phone: str, *, by: str | None = None) -> dict[str, list[dict[str, Any]]]:
        """Table -> its rows about a number, under the number or its pseudonym; empty: none.

        Instants are aware. That somebody looked goes on record. Raises InvalidPhone.
        """
        held = self._held(normalise(phone))
        if held:
            self._record.note("see numbers", reason="all that is stored about one person", by=by)
        return held

    def is_stored(self, phone: str) -> bool:
        """Whether anything is stored about a number. Raises InvalidPhone."""
        return bool(self._held(normalise(phone)))

    def erase(self, phone: str, *, reason: str, by: str | None = None) -> Erased:
        """Replace a number and its fields by a pseudonym everywhere; it is never texted again.

        Whoever is still to go in a batch counts as opted out. Returns the batches that wait,
        because the gateway has them or may have them: workers do the rest once they have ended.
        Their ``overwritten`` is False if old pages of SQLite may still hold the person, because
        another program reads the database: erase again then.
        To erase a number again changes nothing, and does what was left to do. Raises
        InvalidPhone, NotFound if nothing is stored about the number, InvalidCampaign without a
        reason, ConfigurationError without a key of the pseudonyms, and StorageError.
        """
        number, reason = normalise(phone), needed(reason)
        if not self._held(number):
            raise NotFound("nothing is stored about this number: nobody is erased")
        return self._erasures.erase(number, reason=reason, actor=named(by))

    def is_erased(self, phone: str) -> bool:
        """Whether a number was erased. Raises InvalidPhone."""
        with self._installation.read() as session:
            return erasures.is_erased(session, normalise(phone))

    def contacted(self, phone: str, at: date) -> bool:
        """Note the last contact of a person, such as a purchase; the newest date wins.

        ``at`` is a date, or an aware datetime. False if no campaign has had the number: nothing is
        stored then. Raises InvalidPhone, UnusableInput for another ``at`` or one in the future,
        and StorageError.
        """
        number, today = normalise(phone), today_of(self._installation.clock())
        try:
            day = day_of(at) if isinstance(at, date) else None
        except ValueError:
            day = None
        if day is None or (isinstance(at, datetime) and at.tzinfo is None):
            raise UnusableInput(
                "a last contact is a date from 1990 on, or a datetime with its time zone"
            )
        if is_future(day, today):
            raise UnusableInput(
                f"the last contact {day} lies in the future: correct it, or the clock of this"
                f" machine, where today is {today}"
            )
        if self._installation.is_empty:
            return False
        with self._installation.write() as session:
            return stale_people.contacted(session, number, day)

    def stale(self, *, years: int = 3) -> Iterator[StalePerson]:
        """Who has given no sign of life for so many years, streamed, in the order of numbers.

        Only people whose last contact the application has named, and whose numbers are stored
        still. Replies and STOPs count as contacts. Raises UnusableInput for other years than 1 to
        30, and if last contacts are later than today: the clock went back. Raises StorageError.
        """
        if not isinstance(years, int) or not 1 <= years <= _MOST_YEARS:
            raise UnusableInput(f"years is a whole number from 1 to {_MOST_YEARS}")
        today = today_of(self._installation.clock())
        with self._installation.read() as session:
            newest = stale_people.newest(session)
        if newest is not None and is_future(newest, today):
            raise UnusableInput(
                f"a last contact is of {newest}, and the clock of this machine says that today is"
                f" {today}: did it go back? nobody is named before it is right"
            )
        return self._stale(years_before(today, years))

    def _stale(self, before: date) -> Iterator[StalePerson]:
        with self._installation.stream() as session:
            yield from stale_people.without_sign(session, before)

    def erasures(self) -> list[dict[str, str]]:
        """Every erasure, to be kept beside a backup: the checks of the keys, then the pseudonyms.

        The last line has their number and a hash under the key, so that ``replay`` finds a file
        that is altered or cut off. Empty if nobody was ever erased. Raises StorageError with a
        lost or wrong key.
        """
        with self._installation.read() as session:
            pseudonyms = pseudonymous.current(session)
            if pseudonyms is None:
                return []
            listed = erasures.listed(session)
            older = " ".join(pseudonymous.others(session, pseudonyms))
        erased = [{"pseudonym": pseudonym, "at": at.isoformat()} for pseudonym, at in listed]
        header = {"check": pseudonyms.check} | ({"older": older} if older else {})
        lines = [header | {"ends": "with a seal"}, *erased]
        return [*lines, {"erasures": str(len(erased)), "seal": _seal(pseudonyms, lines)}]

    def replay(self, lines: Sequence[Mapping[str, str]], *, by: str | None = None) -> int:
        """Do these ``erasures`` again in a restored database; returns how many it lacked.

        Lines of an earlier version have no seal: a warning is logged. Raises UnusableInput for
        lines of another shape, altered or cut off, StorageError for another key, and
        ConfigurationError without one.
        """
        try:
            checks = [lines[0]["check"], *lines[0].get("older", "").split()]
            sealed = "ends" in lines[0]
            rows, end = (lines[:-1], lines[-1]) if "seal" in lines[-1] else (lines, None)
            erased = {it["pseudonym"]: datetime.fromisoformat(it["at"]) for it in rows[1:]}
            wrong = any(not is_pseudonym(it) or not at.tzinfo for it, at in erased.items())
        except (AttributeError, LookupError, TypeError, ValueError):
            wrong = True
        if wrong:
            raise UnusableInput("this is no list of erasures; nothing was changed")
        self._installation.prepare()
        if end is None and sealed:
            raise UnusableInput(
                "the end of the list of erasures is missing: take a whole file; nothing was changed"
            )
        if end is None:
            log.warning("%s", UNSEALED)
        elif not self._is_sealed(rows, end):
            raise UnusableInput(
                "the list of erasures was altered after it was written; nothing was changed"
            )
        return self._erasures.replay(erased, checks, actor=named(by))

    def lost_keys(self) -> LostKeys:
        """Which keys of the pseudonyms are missing, and whom that concerns; changes nothing.

        Raises ConfigurationError if a key is missing and none can take its place, StorageError.
        """
        with self._installation.read() as session:
            return lost_keys.found(session)

    def forget_keys(self, *, reason: str, by: str | None = None) -> LostKeys:
        """Go on without the keys that are missing: for those that are lost for ever.

        Whoever was erased under them is no longer recognised when a list brings the number. So
        everything is paused, until a person has added the opt-outs that are known from elsewhere
        and calls ``resume_all``. Raises NotFound if no key is missing, InvalidCampaign without a
        reason, and as ``lost_keys``.
        """
        facts: dict[str, Any] = {
            "reason": needed(reason),
            "actor": named(by),
            "now": self._installation.clock(),
        }
        with self._installation.write() as session:
            found = lost_keys.forget(session, **facts)
        with self._installation.write() as session:  # what the gateway holds comes back, too
            recalls.request_paused(session, facts["now"])
        return found

    def _held(self, number: str) -> dict[str, list[dict[str, Any]]]:
        with self._installation.stream() as session:
            return persons.of(session, number)

    def _is_sealed(self, rows: Sequence[Mapping[str, str]], end: Mapping[str, str]) -> bool:
        """Whether the seal is that of these lines; True under another key, which is refused."""
        with self._installation.write() as session:
            pseudonyms = pseudonymous.begin(session).under(rows[0]["check"])
        if pseudonyms is None:
            return True
        return end == {"erasures": str(len(rows) - 1), "seal": _seal(pseudonyms, rows)}


def _seal(pseudonyms: Pseudonyms, lines: Sequence[Mapping[str, str]]) -> str:
    """A hash of these lines under the key."""
    whole = json.dumps([dict(sorted(line.items())) for line in lines])
    return pseudonyms.hidden(hashlib.sha256(whole.encode()).hexdigest())

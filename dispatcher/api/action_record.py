"""The record of actions of the whole installation: who did what, from where, when and why."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from dispatcher.api.actor import named, printable
from dispatcher.api.installation import Installation
from dispatcher.campaigns.record_chain import Seal
from dispatcher.campaigns.records import ActionRecord, Page
from dispatcher.errors import InvalidCampaign
from dispatcher.settings import Settings
from dispatcher.settings.shown import shown
from dispatcher.storage import actions, meta, pseudonymous, seals
from dispatcher.storage.actions import Wanted

__all__ = ["ActionRecords", "Verification"]

#: the row of ``meta`` with the settings of the last start of a worker
_SETTINGS = "settings"
#: of the hash of a key: enough to tell the keys of an installation apart
_LETTERS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What a look at every entry and its seal came to."""

    #: how many entries were sealed before, and how many only now
    sealed: int
    late: int
    #: the last seal: written down elsewhere, it proves the whole record later
    head: Seal | None
    #: one sentence for each entry that was altered or is missing
    problems: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """The same as plain JSON, the last seal as one word."""
        return asdict(self) | {"head": str(self.head) if self.head else None}


class ActionRecords:
    """Reads, verifies and adds to the record. Every method raises StorageError."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation

    def page(
        self,
        offset: int = 0,
        limit: int = 50,
        *,
        since: datetime | None = None,
        actor: str = "",
        verb: str = "",
    ) -> Page[ActionRecord]:
        """One page of the record, the latest entry first; an empty filter asks for all.

        ``since`` is aware.
        """
        wanted = Wanted(since=since, actor=actor, verb=verb)
        with self._installation.read() as session:
            return actions.page(session, wanted, offset, limit)

    def note(self, verb: str, *, reason: str = "", by: str | None = None) -> None:
        """Put an action on record that concerns no campaign, such as an export.

        ``by`` is who acts, as in ``pause``. Raises InvalidCampaign for unprintable characters.
        """
        who, now = named(by), self._installation.clock()
        with self._installation.write() as session:
            actions.note(session, None, verb=verb, actor=who, now=now, reason=printable(reason))

    def note_settings(self, settings: Settings) -> list[str]:
        """Record what differs from the settings of the last start; returns a sentence for each.

        Secrets are masked: of a new one the record says nothing, but for the key of pseudonyms,
        of which it has the first letters of a hash. Raises UnusableKey.
        """
        present = {name: value for name, value in shown(settings).items() if value is not None}
        with self._installation.write() as session:
            if found := pseudonymous.key_of(session).found():  # also one that is in a file
                hashes = " ".join(check[:_LETTERS] for check in found.checks)
                present["DISPATCHER_PSEUDONYM_KEY"] = f"keys with the hashes {hashes}"
            before = meta.get(session, _SETTINGS)
            changes = _changes(json.loads(before), present) if before else []
            if changes or before is None:
                meta.put(session, _SETTINGS, json.dumps(present))
            who, now = named(None), self._installation.clock()
            for change in changes:
                actions.note(session, None, verb="setting", actor=who, now=now, reason=change)
        return changes

    def verify(self, seal: str | None = None) -> Verification:
        """Look at every entry and its seal; entries that have none yet are sealed first.

        ``seal`` is one that an earlier verification returned as its ``head``, as a word. Raises
        InvalidCampaign if it is none.
        """
        try:
            known = Seal.of(seal) if seal else None
        except ValueError:
            raise InvalidCampaign(f"{seal!r} is no seal of the record of actions") from None
        late = 0 if self._installation.is_empty else seal_rest(self._installation)
        with self._installation.stream() as session:
            problems = tuple(seals.broken(session, known))
            head = seals.head(session)
        sealed = head.number - late if head else 0
        return Verification(sealed=sealed, late=late, head=head, problems=problems)


def seal_rest(installation: Installation) -> int:
    """Seal all entries that have no seal, some in each transaction; returns how many."""
    sealed, after, more = 0, 0, True
    while more:
        with installation.write() as session:
            some = seals.add_rest(session, after)
        sealed, more = sealed + len(some), len(some) == seals.STRIDE
        after = some[-1] if some else after
    return sealed


def _changes(before: dict[str, object], present: dict[str, object]) -> list[str]:
    names = sorted(name for name in before | present if before.get(name) != present.get(name))
    return [f"{name}: {_value(before, name)} -> {_value(present, name)}" for name in names]


def _value(values: dict[str, object], name: str) -> object:
    return values.get(name, "not set")

"""Which names of a framework's rows hold the number, the fields and the rest of a recipient."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dispatcher.recipients import Recipient
from dispatcher.recipients.reasons import NO_NUMBER
from dispatcher.recipients.values import text_of


@dataclass(frozen=True, slots=True)
class Columns:
    """Which names of a row hold the number, the fields of the text, the territory, and so on."""

    phone: str
    fields: Mapping[str, str]
    territory: str | None
    key: str | None = None
    last_contact: str | None = None

    @property
    def names(self) -> list[str]:
        """All names, each once, in the order of ``recipient``."""
        more = self.territory, self.key, self.last_contact
        last = [name for name in more if name is not None]
        return list(dict.fromkeys([self.phone, *self.fields.values(), *last]))

    def recipient(self, row: Mapping[str, Any], *, position: int, at: object = None) -> Recipient:
        """The recipient of a row; one that cannot be used has a ``fault``.

        ``at`` is how the caller knows the row again among the rejects.
        """
        if self.phone not in row:
            return Recipient("", row=position, fault=NO_NUMBER)
        try:
            number = text_of(row[self.phone])
            values = {
                name: text_of(row[column]) for name, column in self.fields.items() if column in row
            }
            place = text_of(row.get(self.territory)) if self.territory else ""
        except TypeError:
            return Recipient("", row=position, fault="unusable_value")
        raw = ("" if at is None else str(at), number)
        key = row.get(self.key) if self.key else None
        return Recipient(
            number,
            values,
            territory=place.strip() or None,
            row=position,
            raw=raw,
            key=key,
            last_contact=row.get(self.last_contact) if self.last_contact else None,
        )

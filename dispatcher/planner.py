"""What submitting would store: recipients normalised, de-duplicated and cut in batches. Pure."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from dispatcher import phones, segments, texts
from dispatcher.errors import InvalidCampaign, InvalidPhone, InvalidText
from dispatcher.recipients import Recipient, Rejection
from dispatcher.territories import find as find_territory

#: the most that one call to the gateway carries
LARGEST_BATCH = 500
_DIGEST_BITS = 128
#: how many of the longest texts a plan shows
_LONGEST = 3


@dataclass(frozen=True, slots=True)
class PlannedBatch:
    """At most 500 messages of one territory: (E.164 number, JSON of the fields used) each."""

    territory: str
    messages: tuple[tuple[str, str | None], ...] = field(repr=False)
    #: billed parts of each message by our own count; the gateway's answer replaces it
    parts: tuple[int, ...] = field(repr=False)

    @property
    def segments(self) -> int:
        """Billed parts of the whole batch."""
        return sum(self.parts)


class Planner:
    """Cuts one list of recipients in batches and keeps the count of what it met.

    ``reject`` is told of every row that is left out. The counters are complete once ``cut``
    has been read to its end.
    """

    def __init__(
        self,
        text: str,
        *,
        territory: str | None = None,
        stop_budget: int = 0,
        reject: Callable[[Rejection], None] | None = None,
    ) -> None:
        """Raises InvalidText or InvalidCampaign."""
        self.template = texts.compile_template(text)
        if not self.template.fields:  # with fields, each recipient's own text is checked
            texts.check(text)
        if territory is not None:
            find_territory(territory)
        self._territory = territory
        # a text that says STOP itself gets no second mention
        self._stop = "" if texts.has_stop(text) else "x" * stop_budget
        self._reject = reject
        #: the longest texts as they arrive, with their parts, longest first
        self.longest: list[tuple[int, str]] = []
        self._plain = None if self.template.fields else self._measure(text)
        self._digest = 0
        self.rows = 0
        self.kept = 0
        self.duplicates = 0
        #: billed parts by destination (``phones.destination_of``)
        self.billed: Counter[str] = Counter()
        #: recipients kept by territory
        self.territories: Counter[str] = Counter()
        self.reasons: Counter[str] = Counter()

    @property
    def digest(self) -> str:
        """A hash of the recipients kept, whatever their order."""
        return f"{self._digest:032x}"

    def cut(self, recipients: Iterable[Recipient]) -> Iterator[PlannedBatch]:
        """The batches, as they fill up; a batch never mixes territories."""
        seen: set[int] = set()
        open_batches: dict[str, list[tuple[str, str | None]]] = {}
        billed: dict[str, list[int]] = {}
        for recipient in recipients:
            self.rows += 1
            try:
                phone = phones.normalise(recipient.phone)
                territory = self._territory_of(phone, recipient)
                number = int(phone)
                if number in seen:
                    self.duplicates += 1
                    continue
                fields, parts = self._personal(recipient)
            except InvalidPhone as error:
                self._leave_out(recipient, error.reason)
                continue
            except (InvalidText, InvalidCampaign) as error:
                self._leave_out(recipient, str(error))
                continue
            seen.add(number)
            self.kept += 1
            self.territories[territory] += 1
            self._remember(phone, territory, fields)
            billed.setdefault(territory, []).append(parts)
            self.billed[phones.destination_of(phone)] += parts
            messages = open_batches.setdefault(territory, [])
            messages.append((phone, fields))
            if len(messages) == LARGEST_BATCH:
                yield self._close(territory, messages, billed)
                del open_batches[territory]
        for territory, messages in open_batches.items():
            yield self._close(territory, messages, billed)

    def check(self, *, strict: bool) -> None:
        """Raise InvalidCampaign if nobody is left to text, or (``strict``) a row was left out."""
        if strict and (unusable := self.reasons.total()):
            raise InvalidCampaign(f"{unusable} of {self.rows} rows cannot be texted (strict)")
        if not self.kept:
            raise InvalidCampaign(
                f"none of {self.rows} rows can be texted" if self.rows else "no recipients"
            )

    def _territory_of(self, phone: str, recipient: Recipient) -> str:
        if recipient.territory:
            return find_territory(recipient.territory).name
        return self._territory or phones.territory_of(phone) or "metropole"

    def _personal(self, recipient: Recipient) -> tuple[str | None, int]:
        if self._plain is not None:
            return None, self._plain
        used = {
            name: recipient.fields[name]
            for name in self.template.fields
            if name in recipient.fields
        }
        text = self.template.render(used)
        texts.check(text)
        return json.dumps(used, ensure_ascii=False, separators=(",", ":")), self._measure(text)

    def _measure(self, text: str) -> int:
        arrives = texts.as_sent(texts.wire_text(text))
        parts = segments.measure(arrives + self._stop).segments
        if parts > segments.MAX_SEGMENTS:
            raise InvalidText(
                f"the text has {parts} segments with the STOP mention; "
                f"the gateway takes at most {segments.MAX_SEGMENTS}"
            )
        self._keep_if_long(arrives, parts)
        return parts

    def _keep_if_long(self, text: str, parts: int) -> None:
        longest = self.longest
        full = len(longest) == _LONGEST
        if full and (parts, len(text)) <= (longest[-1][0], len(longest[-1][1])):
            return
        if (parts, text) not in longest:
            longest.append((parts, text))
            longest.sort(key=lambda one: (one[0], len(one[1])), reverse=True)
            del longest[_LONGEST:]

    def _leave_out(self, recipient: Recipient, reason: str) -> None:
        self.reasons[reason] += 1
        if self._reject is not None:
            self._reject(recipient.rejected(reason))

    def _remember(self, phone: str, territory: str, fields: str | None) -> None:
        # a sum does not depend on the order: a table read twice may come in two orders
        line = f"{phone}\0{territory}\0{fields or ''}".encode()
        hashed = hashlib.blake2b(line, digest_size=_DIGEST_BITS // 8).digest()
        self._digest = (self._digest + int.from_bytes(hashed)) % (1 << _DIGEST_BITS)

    def _close(
        self, territory: str, messages: list[tuple[str, str | None]], billed: dict[str, list[int]]
    ) -> PlannedBatch:
        return PlannedBatch(territory, tuple(messages), tuple(billed.pop(territory)))

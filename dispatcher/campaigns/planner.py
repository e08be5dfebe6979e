"""What submitting would store: recipients normalised, de-duplicated and cut in batches. Pure."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from operator import itemgetter

import orjson

from dispatcher.campaigns.batch import LARGEST_BATCH, PlannedBatch
from dispatcher.campaigns.left_out import Duplicates, LeftOut
from dispatcher.campaigns.list_digest import ListDigest
from dispatcher.campaigns.places import Places
from dispatcher.errors import InvalidCampaign, InvalidPhone, InvalidText
from dispatcher.recipients import Recipient, Rejection, phones
from dispatcher.recipients.number_set import NumberSet
from dispatcher.recipients.values import NamedValues
from dispatcher.texts import spelling as texts
from dispatcher.texts.estimate import Estimator
from dispatcher.texts.segments import MAX_SEGMENTS, measure
from dispatcher.texts.templates import compile_template

#: how many of the longest texts a plan shows
_LONGEST = 3
#: most values of fields whose result is cached: first names recur, voucher codes do not
_MOST_KNOWN = 10_000


class Planner:
    """Cuts one list of recipients in batches and counts its rows.

    ``reject`` is called with every row that is left out. The counters are complete once ``cut``
    has been read to its end.
    """

    def __init__(
        self,
        text: str,
        *,
        territory: str | None = None,
        stop_budget: int = 0,
        reject: Callable[[Rejection], None] | None = None,
        survey: bool = False,
        no_unicode: str = "",
    ) -> None:
        """A ``survey`` has no text here; ``no_unicode``, if any, says who cannot send Unicode.

        ``stop_budget`` is the length of the STOP mention in characters. Raises InvalidText, or
        InvalidCampaign for an unknown territory.
        """
        self.template = compile_template(text)
        #: whether segments and cost are known: SMS Partner holds the text of a survey
        self.measured = not survey
        self._no_unicode = no_unicode
        # a text with fields is checked for each recipient
        if self.measured and not self.template.fields:
            texts.check(text)
        self.places = Places(territory)
        # a text with its own STOP mention gets no second one
        self._stop = "" if texts.has_stop(text) else "x" * stop_budget
        self._left_out = LeftOut(reject)
        self._repeated = Duplicates()
        #: numbers (E.164) that the screening excludes, with the reason; read for each row
        self.excluded: Mapping[str, str] = {}
        #: the longest texts as they arrive, with their segments, longest first
        self.longest: list[tuple[int, str]] = []
        #: a text must exceed these (segments, characters with the STOP mention) to be one of them
        self._bar = (0, 0)
        #: the segments of a text without fields
        self._plain = 0 if self.template.fields else self._measure(text)
        self._estimator = Estimator(self.template, self._stop)
        self._named = NamedValues(self.template.fields)
        self._values = itemgetter(*self.template.fields) if self.template.fields else None
        #: cache: values of the fields used -> their JSON and the segments
        self._known: dict[object, tuple[str | None, int]] = {}
        self._digest = ListDigest()
        self.rows = 0
        self.kept = 0
        #: segments by destination (``phones.destination_of``)
        self.billed: Counter[str] = Counter()
        #: recipients kept by territory
        self.territories: Counter[str] = Counter()
        self.reasons = self._left_out.reasons

    @property
    def duplicates(self) -> int:
        """Rows whose number is above them."""
        return self._repeated.count

    @property
    def warnings(self) -> list[str]:
        """Sentences about the list, once it is read."""
        return self._repeated.warnings

    @property
    def digest(self) -> str:
        """A hash of the recipients kept or excluded, whatever their order."""
        return self._digest.text

    def cut(self, recipients: Iterable[Recipient]) -> Iterator[PlannedBatch]:
        """The batches, as they fill up; a batch never mixes territories."""
        # the hot loop: a list may have a million rows
        numbers = NumberSet()
        filling: dict[str, _Filling] = defaultdict(_Filling)
        normalise, personal, add = phones.normalise, self._personal, numbers.add
        excluded, left_out, repeated = self.excluded, self._left_out, self._repeated
        places = self.places
        usual, usual_opens = places.usual, places.usual_opens
        for recipient in recipients:
            self.rows += 1
            if recipient.fault is not None:
                left_out.add(recipient, recipient.fault)
                continue
            try:
                try:
                    phone = normalise(recipient.phone)
                except InvalidPhone:
                    phone = places.local_number(recipient)
                french = phone.startswith("+33")  # nearly all are
                if french and not recipient.territory and usual_opens:
                    territory = usual
                else:
                    territory = places.of(phone, recipient)
                number = int(phone)
                if not add(number):
                    repeated.add(number, recipient.row)
                    continue
                if repeated.open:
                    repeated.see(number, recipient.row)
                try:
                    fields, segments = personal(recipient)
                except InvalidText:
                    numbers.discard(number)
                    repeated.forget(number)
                    raise
            except InvalidPhone as error:
                left_out.add_number(recipient, error)
                continue
            except (InvalidText, InvalidCampaign) as error:
                left_out.add_error(recipient, error)
                continue
            if phone in excluded:
                # part of the digest all the same: a check must not make it another submission
                self._digest.add(territory, [(phone, fields)])
                left_out.add(recipient, excluded[phone])
                continue
            batch = filling[territory]
            messages = batch.messages
            messages.append((phone, fields))
            batch.segments.append(segments)
            if not french:
                self.billed[phones.destination_of(phone)] += segments
                batch.elsewhere += segments
            if len(messages) == LARGEST_BATCH:
                yield self._close(territory, filling.pop(territory))
        for territory, batch in filling.items():
            yield self._close(territory, batch)
        if not self.measured:
            self.billed.clear()

    def check(self, *, strict: bool) -> None:
        """Raise InvalidCampaign if nobody is left to text, or (``strict``) a row was left out."""
        if strict and (unusable := self.reasons.total()):
            raise InvalidCampaign(f"{unusable} of {self.rows} rows cannot be texted (strict)")
        if not self.kept:
            self._left_out.check(self.rows)

    def _personal(self, recipient: Recipient) -> tuple[str | None, int]:
        if self._values is None:
            return None, self._plain
        fields = recipient.fields
        try:
            values = self._values(fields)
        except KeyError:  # a missing field may have a default
            return self._made(fields)
        known = self._known.get(values)
        if known is None:
            known = self._made(fields)
            if len(self._known) < _MOST_KNOWN:
                self._known[values] = known
        return known

    def _made(self, fields: Mapping[str, str]) -> tuple[str | None, int]:
        """The JSON of the fields used, and the segments of the text. Raises InvalidText."""
        used = self._named.of(fields)
        estimate = self._estimator.estimate(used)
        if estimate is None or estimate[0] > MAX_SEGMENTS or estimate > self._bar:
            text = self.template.render(used)
            texts.check(text)
            segments = self._measure(text)
        else:
            segments = estimate[0]
        return _as_json(used), segments

    def _measure(self, text: str) -> int:
        if not self.measured:
            return 0
        wire = texts.wire_text(text)
        if self._no_unicode and texts.wire_needs_unicode(wire):
            raise InvalidText(
                f"the text has a character that needs Unicode, which {self._no_unicode}"
            )
        arrives = texts.as_sent(wire)
        segments = measure(arrives + self._stop).segments
        if segments > MAX_SEGMENTS:
            raise InvalidText(
                f"the text has {segments} segments with the STOP mention; "
                f"the gateway takes at most {MAX_SEGMENTS}"
            )
        self._keep_if_long(arrives, segments)
        return segments

    def _keep_if_long(self, text: str, segments: int) -> None:
        longest = self.longest
        if (segments, len(text) + len(self._stop)) > self._bar and (segments, text) not in longest:
            longest.append((segments, text))
            longest.sort(key=lambda one: (one[0], len(one[1])), reverse=True)
            del longest[_LONGEST:]
            if len(longest) == _LONGEST:
                least, shortest = longest[-1]
                self._bar = (least, len(shortest) + len(self._stop))

    def _close(self, territory: str, batch: _Filling) -> PlannedBatch:
        self.kept += len(batch.segments)
        self.territories[territory] += len(batch.segments)
        if at_home := sum(batch.segments) - batch.elsewhere:
            self.billed["metropole"] += at_home
        self._digest.add(territory, batch.messages)
        return PlannedBatch(territory, tuple(batch.messages), tuple(batch.segments))


class _Filling:
    """A batch that is not full yet."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, str | None]] = []
        self.segments: list[int] = []
        #: the segments for numbers outside metropolitan France
        self.elsewhere = 0


def _as_json(fields: Mapping[str, str]) -> str:
    try:
        return orjson.dumps(fields).decode()
    except TypeError:  # a lone surrogate, which has no UTF-8
        return json.dumps(fields, ensure_ascii=False, separators=(",", ":"))

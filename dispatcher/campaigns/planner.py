"""What submitting would store: recipients normalised, de-duplicated and cut in batches. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping

from dispatcher.campaigns.batch import LARGEST_BATCH, PlannedBatch
from dispatcher.campaigns.consent_column import LATER, ConsentReader
from dispatcher.campaigns.last_contacts import LastContacts
from dispatcher.campaigns.left_out import Duplicates, LeftOut
from dispatcher.campaigns.list_digest import ListDigest
from dispatcher.campaigns.personal_texts import KINDS, PersonalTexts
from dispatcher.campaigns.places import Places
from dispatcher.errors import InvalidCampaign, InvalidPhone, InvalidText
from dispatcher.recipients import Recipient, Rejection, phones
from dispatcher.recipients.column_names import is_key
from dispatcher.recipients.keys import UnusableKeyError, key_of
from dispatcher.recipients.number_set import NumberSet
from dispatcher.recipients.reasons import EXPLANATIONS, HIDDEN_ROW, NO_CONSENT, UNUSABLE_KEY
from dispatcher.texts.templates import compile_template

_HAS_NUMBER = (HIDDEN_ROW, NO_CONSENT, UNUSABLE_KEY)


def against_unicode(*, enabled: bool, from_number: str | None = None) -> str:
    """Who cannot send Unicode, as ``texts.checked`` takes it; empty if it can be sent.

    ``enabled`` is the setting of the account, ``from_number`` a long number that sends.
    """
    if from_number is not None:
        return "no long number sends"
    return "" if enabled else "this account does not send (DISPATCHER_UNICODE)"


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
        consents: ConsentReader | None = None,
        contacts: LastContacts | None = None,
    ) -> None:
        """A ``survey`` has no text here; ``no_unicode``, if any, says who cannot send Unicode.

        ``consents``, if any, reads the consent of each row; rows without one are rejected.
        ``contacts``, if any, takes the dates of last contacts.

        ``stop_budget`` is the length of the STOP mention in characters. Raises InvalidText, or
        InvalidCampaign for an unknown territory.
        """
        self.texts = PersonalTexts(text, stop_budget, no_unicode, known=not survey)
        self._key_is_field = any(map(is_key, compile_template(text).fields))
        self.places = Places(territory)
        self._consents = consents
        self._contacts = contacts
        self._left_out = LeftOut(reject)
        self._repeated = Duplicates()
        #: numbers (E.164) that the screening excludes, with the reason; read for each row
        self.excluded: Mapping[str, str] = {}
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
    def without_number(self) -> int:
        """Rows in which no number that can be texted was found."""
        return sum(self.reasons[reason] for reason in EXPLANATIONS if reason not in _HAS_NUMBER)

    @property
    def warnings(self) -> list[str]:
        """Sentences about the list, once it is read."""
        contacts = [] if self._contacts is None else self._contacts.warnings
        return self._repeated.warnings + contacts

    @property
    def digest(self) -> str:
        """A hash of the recipients kept or excluded, whatever their order."""
        return self._digest.text

    def cut(self, recipients: Iterable[Recipient]) -> Iterator[PlannedBatch]:
        """The batches, as they fill up: each of one territory, one encoding, one kind of mention.

        A call says for all of its texts whether they are Unicode and get the STOP mention.
        """
        # the hot loop: a list may have a million rows
        numbers, later = NumberSet(), NumberSet()
        # one dict for each kind of call
        filling: list[dict[str, _Filling]] = [defaultdict(_Filling) for _ in range(KINDS)]
        normalise, personal, add = phones.normalise, self.texts.of, numbers.add
        excluded, left_out, repeated = self.excluded, self._left_out, self._repeated
        consents, consent, contacts = self._consents, "", self._contacts
        places = self.places
        everywhere, usual, usual_opens = places.default, places.usual, places.usual_opens
        for recipient in recipients:
            self.rows += 1
            if recipient.fault is not None:
                left_out.add(recipient, recipient.fault)
                continue
            try:
                if recipient.territory or everywhere:  # it may decide which number it is
                    phone = places.number(recipient)
                else:
                    phone = normalise(recipient.phone)
                french = phone.startswith("+33")  # nearly all are
                if french and not recipient.territory and usual_opens:
                    territory = usual
                else:
                    territory = places.of(phone, recipient)
                key = None if recipient.key is None else self._key(recipient)
                if consents is not None and not (consent := consents.of(recipient.fields)):
                    left_out.add(recipient, NO_CONSENT)
                    continue
                number = int(phone)
                if not add(number):
                    repeated.add(number, recipient.row)
                    if (
                        contacts is not None
                        and recipient.last_contact is not None
                        and phone not in excluded
                    ):
                        contacts.add(recipient, number)
                    continue
                if repeated.open:
                    repeated.see(number, recipient.row)
                try:
                    fields, segments, kind, finding = personal(recipient.fields)
                except InvalidText:
                    numbers.discard(number)
                    repeated.forget(number)
                    raise
            except InvalidPhone as error:
                left_out.add_number(recipient, error)
                continue
            except UnusableKeyError:
                left_out.add(recipient, UNUSABLE_KEY)
                continue
            except (InvalidText, InvalidCampaign) as error:
                left_out.add_error(recipient, error)
                continue
            if phone in excluded or consent is LATER:
                # part of the digest all the same: neither a check nor the date of today may make it
                # another submission
                if number not in later:
                    self._digest.add(territory, [(phone, fields)])
                if consent is LATER:  # another row of this number may have a consent
                    later.add(number)
                    numbers.discard(number)
                    repeated.forget(number)
                left_out.add(recipient, excluded.get(phone, NO_CONSENT))
                continue
            if consent and number in later:  # its first row is in the digest
                self._digest.remove(territory, [(phone, fields)])
            if contacts is not None and recipient.last_contact is not None:
                contacts.add(recipient, number)
            if finding is not None:
                self.texts.findings.add(finding, recipient.row)
            batch = filling[kind][territory]
            messages = batch.messages
            if key:
                batch.keys[len(messages)] = key
            if consent:
                batch.consents.append(consent)
            messages.append((phone, fields))
            batch.segments.append(segments)
            batch.rows.append(recipient.row)
            if not french:
                self.billed[phones.destination_of(phone)] += segments
                batch.elsewhere += segments
            if len(messages) == LARGEST_BATCH:
                yield self._close(territory, filling[kind].pop(territory), kind)
        for kind, of_kind in enumerate(filling):
            for territory, batch in of_kind.items():
                yield self._close(territory, batch, kind)
        if not self.texts.known:
            self.billed.clear()

    def check(self, *, strict: bool) -> None:
        """Raise InvalidCampaign if nobody is left to text, or (``strict``) a row was left out.

        It is also raised for a column of consents that no row has.
        """
        if self._consents is not None:
            self._consents.check()
        if strict:
            self._left_out.check_strictly(self.rows)
        if not self.kept:
            self._left_out.check(self.rows)

    def _close(self, territory: str, batch: _Filling, kind: int) -> PlannedBatch:
        self.kept += len(batch.segments)
        self.territories[territory] += len(batch.segments)
        if at_home := sum(batch.segments) - batch.elsewhere:
            self.billed["metropole"] += at_home
        self._digest.add(territory, batch.messages)
        keys = tuple(map(batch.keys.get, range(len(batch.messages)))) if batch.keys else ()
        columns = tuple(batch.messages), tuple(batch.segments), keys, tuple(batch.consents)
        return PlannedBatch(territory, *columns, tuple(batch.rows), kind)

    def _key(self, recipient: Recipient) -> str:
        """The key of a recipient. Raises UnusableKeyError."""
        try:
            return key_of(recipient.key)
        except UnusableKeyError:
            if self._key_is_field:  # it need not be a key, and was none in earlier versions
                return ""
            raise


class _Filling:
    """A batch that is not full yet."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, str | None]] = []
        self.segments: list[int] = []
        #: by position, of those that have one
        self.keys: dict[int, str] = {}
        self.consents: list[str] = []
        self.rows: list[int | None] = []
        #: the segments for numbers outside metropolitan France
        self.elsewhere = 0

"""The list of a draft, from what a caller gives to what the planner reads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import islice
from typing import Final

from dispatcher.api.installation import Installation
from dispatcher.api.recipient_list import listed
from dispatcher.campaigns.draft import MOST_CELLS, MOST_CHARACTERS, MOST_ROWS, Draft, DraftRow
from dispatcher.campaigns.places import number_of
from dispatcher.campaigns.planner import against_unicode
from dispatcher.campaigns.submission import RecipientInput
from dispatcher.errors import InvalidCampaign, InvalidPhone, InvalidText, UnusableInput
from dispatcher.recipients import Recipient
from dispatcher.recipients.column_names import last_contact_column
from dispatcher.recipients.keys import UnusableKeyError, key_of
from dispatcher.recipients.local_numbers import depends_on_territory
from dispatcher.recipients.reasons import (
    EXPLANATIONS,
    NOT_A_RECIPIENT,
    SEVERAL_NUMBERS,
    UNUSABLE_KEY,
)
from dispatcher.recipients.values import NamedValues, text_of
from dispatcher.settings import Settings
from dispatcher.storage import draft_lists
from dispatcher.texts.arrival import checked
from dispatcher.texts.templates import compile_template

#: rows that are read at a time, each time in a session of its own
_STRIDE: Final = 1000
#: the column of the last contacts where none is called so
_CONTACT: Final = "last_contact"
#: whether one is; the rows of a list have the same columns
_named = lru_cache(maxsize=64)(lambda names: last_contact_column(names) is not None)


def storable(recipients: Iterable[RecipientInput]) -> list[Recipient]:
    """The recipients as a draft stores them. Raises UnusableInput, also for too many."""
    found = list(_bounded(map(_storable, islice(listed(recipients), MOST_ROWS + 1))))
    for one in found:
        if one.fault in (NOT_A_RECIPIENT, "unusable_value"):  # no file has such a row
            raise InvalidCampaign(f"row {one.row} of the list: {EXPLANATIONS[one.fault]}")
    if len(found) > MOST_ROWS:
        raise InvalidCampaign(
            f"the list of a draft has at most {MOST_ROWS:,} rows: divide it into several"
        )
    if not found:
        raise InvalidCampaign("the list has no row")
    return _with_contacts(found)


def _bounded(found: Iterable[Recipient]) -> Iterator[Recipient]:
    """The same. Raises InvalidCampaign once they have more in them than memory should hold."""
    cells = characters = 0
    for one in found:
        cells += len(one.fields)
        characters += sum(map(len, one.fields.values()))
        if cells > MOST_CELLS or characters > MOST_CHARACTERS:
            raise InvalidCampaign(
                f"the list of a draft has at most {MOST_CELLS:,} cells and {MOST_CHARACTERS:,}"
                " characters: leave out columns, or divide it into several"
            )
        yield one


def _with_contacts(found: list[Recipient]) -> list[Recipient]:
    """The same, the last contacts in a column that tells by its name what it is.

    A draft stores columns by name, and not which of them the caller has named.
    """
    if all(one.last_contact is None or _named(tuple(one.fields)) for one in found):
        return found
    return [
        Recipient(
            one.phone,
            {**one.fields, _CONTACT: text_of(one.last_contact)},
            one.territory,
            one.row,
            fault=one.fault,
            key=one.key,
        )
        for one in found
    ]


def recipients_of(installation: Installation, draft: Draft) -> Iterator[Recipient]:
    """The stored list. No transaction is open while a row is looked at."""
    after = 0
    while True:
        with installation.read() as session:
            some = draft_lists.page(session, draft.id, after, _STRIDE)
        yield from (recipient for _, recipient in some)
        if len(some) < _STRIDE:
            return
        after = some[-1][0]


def row_of(position: int, recipient: Recipient, draft: Draft, settings: Settings) -> DraftRow:
    """A row as a page shows it, with the text that it would get."""
    text, segments, problem = "", 0, ""
    try:
        if recipient.fault is not None:
            problem = EXPLANATIONS.get(recipient.fault, recipient.fault)
        elif not draft.options.get("survey"):
            number_of(recipient, recipient.territory or draft.options.get("territory"))
            budget = settings.stop_budget if draft.options.get("commercial", True) else 0
            template = compile_template(draft.text)
            used = NamedValues(template.fields).of(recipient.fields)
            no_unicode = against_unicode(
                enabled=settings.unicode, from_number=draft.options.get("from_number")
            )
            arrives = checked(template.render(used), budget=budget, no_unicode=no_unicode)
            text, segments = arrives.text, arrives.measure.segments
    except InvalidPhone as error:
        problem = EXPLANATIONS.get(error.reason, error.reason)
    except (InvalidText, InvalidCampaign) as error:
        problem = str(error)
    return DraftRow(
        position=position,
        row=recipient.row,
        phone=recipient.phone,
        fields=recipient.fields,
        territory=recipient.territory,
        key=None if recipient.key is None else str(recipient.key),
        text=text,
        segments=segments,
        problem=problem,
    )


def _storable(recipient: Recipient) -> Recipient:
    """The recipient with its number in E.164, by which an erasure finds it, and its key as text.

    A number that the territory of the campaign may decide stays as it is written. Of several, it
    may decide which one is texted, and a draft keeps only one: such a row is rejected.
    """
    phone, fault, key = recipient.phone, recipient.fault, None
    if not recipient.territory and any(
        map(depends_on_territory, filter(str.strip, recipient.numbers))
    ):
        fault = fault or SEVERAL_NUMBERS
    try:
        if recipient.territory or not depends_on_territory(phone):
            phone = number_of(recipient, recipient.territory)
    except UnusableInput:  # the planner says why
        pass
    try:
        key = None if recipient.key is None else key_of(recipient.key) or None
    except UnusableKeyError:
        fault = fault or UNUSABLE_KEY
    return Recipient(
        phone,
        recipient.fields,
        recipient.territory,
        recipient.row,
        fault=fault,
        key=key,
        last_contact=recipient.last_contact,
    )

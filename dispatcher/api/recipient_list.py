"""The list of recipients that a caller gives: checked, and read one by one."""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterable, Iterator, Mapping

from dispatcher.campaigns.submission import RecipientInput
from dispatcher.errors import UnusableInput
from dispatcher.recipients import Recipient
from dispatcher.recipients.recipient import recipient_of


def listed(recipients: Iterable[RecipientInput]) -> Iterator[Recipient]:
    """The recipients of a caller's list. Raises UnusableInput, with the position."""
    # of a text or a dict, characters or keys would be read as numbers
    if isinstance(recipients, str | bytes | Mapping) or not isinstance(recipients, Iterable):
        raise UnusableInput(_no_list(recipients))
    return (
        one if isinstance(one, Recipient) else recipient_of(one, position=n)
        for n, one in enumerate(recipients, start=1)
    )


def _no_list(given: object) -> str:
    if isinstance(given, AsyncIterable):
        return "an asynchronous iterator cannot be read here: collect the recipients in a list"
    what = "None" if given is None else f"one {type(given).__name__}"
    return f"a list of recipients is needed, not {what}"

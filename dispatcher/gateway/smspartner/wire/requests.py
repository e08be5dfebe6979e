"""The bodies of the sends: values in, JSON out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Final

from dispatcher.errors import InvalidRequest
from dispatcher.gateway.answers import OutgoingMessage
from dispatcher.gateway.send_options import SendOptions
from dispatcher.gateway.smspartner import fields
from dispatcher.gateway.smspartner.wire.options import checked_fields
from dispatcher.recipients.phones import normalise
from dispatcher.recipients.senders import long_number
from dispatcher.texts.rendered import Rendered

#: recipients of one call, by the gateway's documentation (its code 50 beyond)
MOST_LINES: Final = 500
_LONGEST_SURVEY_NAME: Final = 64
#: what every body begins with: the key, and the format of the answer unless it is JSON
Base = Mapping[str, object]


def bulk_body(phones: Sequence[str], texts: Sequence[str], more: Mapping[str, object]) -> bytes:
    """The body of ``POST /bulk-send``: a text for each number, and the fields ``more``.

    Nothing is checked.
    """
    return b'%b,"SMSList":%b}' % (fields.encode(more)[:-1], _listed(phones, texts))


def _listed(phones: Sequence[str], texts: Sequence[str]) -> bytes:
    """The JSON of many lines, in ASCII as ``fields.encode`` makes it, in a third of the time."""
    escaped = texts.spelled(_escaped) if isinstance(texts, Rendered) else _escaped(texts)
    if escaped is None or not fields.are_digits(phones):
        lines = zip(phones, texts, strict=True)
        return json.dumps([{"phoneNumber": each[0], "message": each[1]} for each in lines]).encode()
    pairs = map('","message":"'.join, zip(phones, escaped, strict=True))
    return ('[{"phoneNumber":"' + '"},{"phoneNumber":"'.join(pairs) + '"}]').encode()


def _escaped(texts: Sequence[str]) -> list[str] | None:
    """Each as it stands between quotes of JSON; None if one holds what they are split at."""
    # one call for all, which is quicker
    escaped = json.dumps("\0".join(texts))[1:-1].split(r"\u0000")
    return escaped if len(escaped) == len(texts) else None


def lines_body(lines: Sequence[OutgoingMessage], options: SendOptions, base: Base) -> bytes:
    """The body of ``POST /bulk-send``, checked.

    Raises InvalidRequest for no or too many lines, a number listed twice and an empty text,
    InvalidPhone.
    """
    checked_phones([line.phone for line in lines])
    for line in lines:
        _checked_text(line.text)
    listed = [{"phoneNumber": normalise(line.phone), "message": line.text} for line in lines]
    return fields.encode({**base, **checked_fields(options), "SMSList": listed})


def send_body(phones: Sequence[str], text: str, options: SendOptions, base: Base) -> bytes:
    """The body of ``POST /send``: one text to up to 500 numbers, in any usual spelling.

    Raises InvalidRequest for no or too many numbers, one listed twice and an empty text,
    InvalidPhone.
    """
    listed = ",".join(checked_phones(phones))
    body = {**base, **checked_fields(options), "phoneNumbers": listed}
    return fields.encode(body | {"message": _checked_text(text)})


def virtual_body(phone: str, text: str, sender: str, options: SendOptions, base: Base) -> bytes:
    """The body of ``POST /vn/send``: one text from a long number of ours to one number.

    The gateway's table of this call has neither schedule nor sender name, range or Unicode: those
    raise InvalidRequest, as an empty text does. Raises InvalidPhone for either number.
    """
    if options.at or options.sender or options.range or options.unicode:
        raise InvalidRequest("a send from a long number takes no schedule, sender, range, Unicode")
    # the gateway names its own long numbers without a plus
    ours = long_number(sender).removeprefix("+")
    body = {**base, **checked_fields(options), "to": normalise(phone), "from": ours}
    return fields.encode(body | {"message": _checked_text(text)})


def survey_body(phones: Sequence[str], survey: str, options: SendOptions, base: Base) -> bytes:
    """The body of ``POST /sondage/to/send``: a survey that was made in the gateway's dashboard.

    The gateway's table of this call has the tag and the schedule only, and no sandbox: anything
    else raises InvalidRequest. Raises InvalidPhone.
    """
    if options != SendOptions(tag=options.tag, at=options.at):
        raise InvalidRequest("a survey takes a tag and a schedule, and nothing else")
    if not survey or len(survey) > _LONGEST_SURVEY_NAME or not survey.isprintable():
        raise InvalidRequest("a survey is named by the identifier of the gateway's dashboard")
    listed = ",".join(checked_phones(phones))
    return fields.encode(
        {**base, **checked_fields(options), "phoneNumbers": listed, "sondageIdent": survey}
    )


def checked_phones(phones: Sequence[str]) -> list[str]:
    """Numbers as E.164, of which one request takes 1 to 500, each once.

    Raises InvalidRequest, and InvalidPhone for one that cannot be texted. No space may stand
    after a comma of the list: it is read as a part of the number.
    """
    if not 0 < len(phones) <= MOST_LINES:
        raise InvalidRequest(f"a request takes 1 to {MOST_LINES} numbers")
    found = [normalise(phone) for phone in phones]
    if len(set(found)) != len(found):
        raise InvalidRequest("a number is listed twice")
    return found


def _checked_text(text: str) -> str:
    if not text or not text.strip():
        raise InvalidRequest("a text is needed")
    return text

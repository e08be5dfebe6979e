"""What a refusal of a whole call says: of the account, of the request, or of some of its numbers.

Code 9 says that "one or more constraints" were not met, of any field. Its entries name the field,
and sometimes a line or a number.
"""

from __future__ import annotations

from collections.abc import Sequence

from dispatcher.campaigns.outcome import Blocked, Closed, InDoubt, Outcome, Refused
from dispatcher.gateway.answers import Declined, FieldError
from dispatcher.gateway.codes import BLOCKED, CLOSED, OF_NUMBERS, OF_SCHEDULE, REFUSED
from dispatcher.settings.redaction import redactor

_INVALID = 9
#: fields of requests that hold the numbers, in lower case
_NUMBERS = frozenset({"phonenumber", "phonenumbers", "number", "to", "smslist"})
#: those of the hour that was asked for
_HOUR = frozenset({"scheduleddeliverydate", "date", "time", "hour", "minute"})
_redact = redactor(())


def refused(reply: Declined, phones: Sequence[str]) -> Outcome:
    """The outcome of a refused call to ``phones`` (E.164, by position)."""
    code = reply.code
    if (why := BLOCKED.get(code)) is not None:
        return Blocked(why)
    if (why := CLOSED.get(code)) is not None:
        return Closed(why)
    if (why := REFUSED.get(code)) is None:
        return InDoubt(f"the gateway answered code {code}")
    if code == _INVALID and (error := _of_request(reply.errors)) is not None:
        sentence = _redact(error.message) or "it gives no reason"
        why = f"the gateway refuses the field {error.field}: {sentence}"
        return Blocked(why, of_schedule=error.field.lower() in _HOUR)
    if code not in OF_NUMBERS:
        return Refused(code, why, of_schedule=code in OF_SCHEDULE)
    places = {phone: place for place, phone in enumerate(phones)}
    named = {
        place: error.code or code for error in reply.errors for place in _places(error, places)
    }
    of_some = bool(named) or len(phones) > 1
    return Refused(code, why, code in OF_SCHEDULE, of_some, named)


def _of_request(errors: Sequence[FieldError]) -> FieldError | None:
    """The first error of a field that all requests of the campaign share."""
    return next(
        (
            error
            for error in errors
            if error.line is None and error.field and error.field.lower() not in _NUMBERS
        ),
        None,
    )


def _places(error: FieldError, places: dict[str, int]) -> list[int]:
    """The places in the request that an error names."""
    if error.line is not None and error.line < len(places):
        return [error.line]
    return [places[phone] for phone in error.phones if phone in places]

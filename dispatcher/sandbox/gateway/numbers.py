"""Phone numbers as the gateway takes them, on its own reading."""

from __future__ import annotations

import re

# Apart from dispatcher.recipients.phones on purpose: a fault there must not be hidden by the same
# fault here.
_french = re.compile(r"(?:\+33|0033|33|0)([67][0-9]{8})").fullmatch
_written_so = re.compile(r"\+33[67][0-9]{8}").fullmatch
_foreign = re.compile(r"(?:\+|00)([1-9][0-9]{6,14})").fullmatch
_fixed = re.compile(r"33[1-589]").match


def e164(raw: object) -> str | None:
    """The mobile number in E.164; ``None`` when it is not one."""
    if not isinstance(raw, str):
        return None
    if _written_so(raw):
        return raw
    if french := _french(raw):
        return "+33" + french[1]
    foreign = _foreign(raw)
    if foreign is None or _fixed(foreign[1]):
        return None
    return "+" + foreign[1]

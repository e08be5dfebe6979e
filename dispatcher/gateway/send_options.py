"""What holds for all messages of a send, beside their numbers and texts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Range = Literal["premium", "low-cost"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SendOptions:
    """The options of a send. A request leaves out what is not set."""

    #: 3 to 11 letters, digits or spaces; without one the operator's short code, which people
    #: can answer
    sender: str | None = None
    #: at most 20 lower-case letters and digits: our name for the send, by which it can be looked up
    tag: str = ""
    #: have the gateway add its STOP mention, which takes its place in the text
    stop: bool = False
    #: 70 characters a segment; only for accounts that the gateway has enabled
    unicode: bool = False
    #: an aware instant until which the gateway holds the messages
    at: datetime | None = None
    #: not in the gateway's newest pages, and left to the account unless set
    range: Range | None = None
    #: a trial: nobody is texted, nothing is paid
    sandbox: bool = False
    #: the URL to which delivery reports are posted
    reports_to: str | None = None
    #: the URL to which replies and STOPs are posted
    replies_to: str | None = None

"""Through whom: the protocol of a gateway, its answers, and what an answer proves."""

from dispatcher.gateway.answers import (
    Accepted,
    Account,
    Declined,
    Found,
    Line,
    LineAnswer,
    Lost,
    Reply,
    Report,
    SingleReply,
    Taken,
    Throttled,
    Unsent,
    merged,
)
from dispatcher.gateway.protocol import Gateway, Unless
from dispatcher.gateway.send_options import SendOptions

__all__ = [
    "Accepted",
    "Account",
    "Declined",
    "Found",
    "Gateway",
    "Line",
    "LineAnswer",
    "Lost",
    "Reply",
    "Report",
    "SendOptions",
    "SingleReply",
    "Taken",
    "Throttled",
    "Unless",
    "Unsent",
    "merged",
]

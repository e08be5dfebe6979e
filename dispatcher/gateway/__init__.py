"""Through whom: the protocol of a gateway, its answers, and what an answer proves."""

from dispatcher.gateway.answers import (
    Accepted,
    Account,
    Declined,
    Line,
    LineAnswer,
    Lost,
    Reply,
    Report,
    SingleReply,
    StatusPage,
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
    "Gateway",
    "Line",
    "LineAnswer",
    "Lost",
    "Reply",
    "Report",
    "SendOptions",
    "SingleReply",
    "StatusPage",
    "Taken",
    "Throttled",
    "Unless",
    "Unsent",
    "merged",
]

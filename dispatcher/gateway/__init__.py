"""Through whom: the protocol of a gateway, its answers, and what an answer proves."""

from dispatcher.gateway.protocol import (
    Accepted,
    Account,
    Declined,
    Found,
    Gateway,
    Line,
    LineAnswer,
    Lost,
    Reply,
    Report,
    SingleReply,
    Taken,
    Throttled,
    Unless,
    Unsent,
    merged,
)

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
    "SingleReply",
    "Taken",
    "Throttled",
    "Unless",
    "Unsent",
    "merged",
]

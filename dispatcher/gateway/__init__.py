"""Through whom: the protocol of a gateway, its answers, and what an answer proves."""

from dispatcher.gateway.answers import (
    Accepted,
    Account,
    BatchTaken,
    Declined,
    FieldError,
    LineAnswer,
    Lost,
    OutgoingMessage,
    Report,
    SendReply,
    SingleReply,
    StatusPage,
    Throttled,
    Unsent,
    merged,
)
from dispatcher.gateway.protocol import Gateway, Unless
from dispatcher.gateway.send_options import SendOptions

__all__ = [
    "Accepted",
    "Account",
    "BatchTaken",
    "Declined",
    "FieldError",
    "Gateway",
    "LineAnswer",
    "Lost",
    "OutgoingMessage",
    "Report",
    "SendOptions",
    "SendReply",
    "SingleReply",
    "StatusPage",
    "Throttled",
    "Unless",
    "Unsent",
    "merged",
]

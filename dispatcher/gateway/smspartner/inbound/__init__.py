"""What the gateway posts to us: delivery reports, replies and STOPs, results of number checks.

Pure, and wary: the address of a webhook can be found out, and nothing in a call proves who made
it. What is read here is a reason to ask the gateway; only a STOP counts by itself, because to
heed one too many harms nobody.
"""

from dispatcher.gateway.smspartner.inbound.checks import HlrResult, read_hlr_result
from dispatcher.gateway.smspartner.inbound.long_replies import Joined, join
from dispatcher.gateway.smspartner.inbound.payload import Fields, calls
from dispatcher.gateway.smspartner.inbound.replies import Part, PersonReply, read_reply
from dispatcher.gateway.smspartner.inbound.reports import DeliveryReport, read_delivery_report

__all__ = [
    "DeliveryReport",
    "Fields",
    "HlrResult",
    "Joined",
    "Part",
    "PersonReply",
    "calls",
    "join",
    "read_delivery_report",
    "read_hlr_result",
    "read_reply",
]

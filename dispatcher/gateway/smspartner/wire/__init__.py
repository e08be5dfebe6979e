"""SMS Partner's words, both ways: plain values to bodies, answers to plain values. Pure.

The gateway spells the same thing in many ways (``messageId``/``message_id``, ``stopSms``/
``stopSMS``, ``error``/``errors``, numbers as strings): all of that ends here. There is a module
for each noun; the calls that dispatch makes are also here by name.
"""

from dispatcher.gateway.smspartner.wire.account import read_account
from dispatcher.gateway.smspartner.wire.requests import MOST_LINES, bulk_body
from dispatcher.gateway.smspartner.wire.sending import read_send, read_single
from dispatcher.gateway.smspartner.wire.statuses import (
    read_multi_status,
    read_tag_page,
    status_body,
)
from dispatcher.gateway.smspartner.wire.stop_list import read_stop_list

__all__ = [
    "MOST_LINES",
    "bulk_body",
    "read_account",
    "read_multi_status",
    "read_send",
    "read_single",
    "read_stop_list",
    "read_tag_page",
    "status_body",
]

"""What each code of a refused send means for its batch.

The meanings are those of the gateway's pages on sending; pages of other calls give the same
numbers other meanings.
"""

from __future__ import annotations

#: codes of the account, its credit or its sender: every batch of the campaign would meet them
BLOCKED = {
    1: "the API key is missing",
    10: "the API key is wrong",
    11: "no credit",
    20: "the account is disabled",
    30: "the account is blocked",
    40: "the account may not use the API",
    44: "the sender is invalid",
    96: "this machine's address is not allowed",
    992: "the sender is not authorised",
}
CLOSED = {
    22: "the gateway refuses this hour for marketing",
    23: "the gateway refuses this date for marketing",
}
REFUSED = {
    2: "the request has no numbers",
    9: "the request is invalid",
    13: "no price for these numbers",
    14: "the numbers are on the STOP list",
    15: "the numbers are listed twice",
    42: "the text exceeds 160 characters",
    43: "the request has no text",
    45: "the date is missing",
    46: "the hour is missing",
    47: "the minute is invalid",
    48: "the minute is not a multiple of 5",
    49: "the date is invalid",
    50: "more than 500 numbers",
    51: "low cost is not available",
    52: "a text has more than 10 segments",
    55: "no number can be texted",
    90: "the request is malformed",
}
#: codes that may be due to the hour that was asked for, and to nothing else
OF_SCHEDULE = frozenset({9, 45, 46, 47, 48, 49, 90})
#: codes that may be due to some number among many
OF_NUMBERS = frozenset({9, 13, 14, 15, 55})
TOO_MANY_REQUESTS = 429

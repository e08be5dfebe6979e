"""How the fake gateway behaves where the real one is undocumented or configurable."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from decimal import Decimal
from typing import Any, Literal, Self, get_args, get_origin, get_type_hints


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """The switches of the fake gateway; the first of each ``Literal`` is the default.

    ``credit`` and ``stopped`` are the account's values at the start.
    """

    #: errors come with HTTP 400 (documentation, Go SDK) or 200 (captures); bad JSON is always 400
    http_status_mode: Literal["400", "200"] = "400"
    #: the name of the list of field errors
    error_key: Literal["errors", "error"] = "errors"
    #: a field that is missing or wrong has a code of its own (43, 44, 55), or code 9 with an entry
    #: for each field, as the pages of the calls show it
    field_refusals: Literal["code", "list"] = "code"
    #: the code 9 of a line as text (captured) or as a number
    line_code: Literal["text", "number"] = "text"
    message_id_type: Literal["int", "str"] = "int"
    key_text: str = "Clé API incorrecte"
    #: bytes that a socket takes before its request is read; 0 for the system's own figure
    receive_buffer: int = 0
    #: every call is answered with a success that names nothing, and nothing is done
    generic_acknowledgement: bool = False
    #: an account code (20, 30, 40, 96) that answers every call; 0 for none
    account_code: int = 0
    tag_unknown: Literal["code4", "empty"] = "code4"
    tag_page_size: int = 500
    tag_ignores_page: bool = False
    #: seconds after acceptance in which a tag does not show the message
    tag_lag_seconds: float = 0.0
    #: a tag never shows a message
    tag_missing: bool = False
    #: the tag is not read: whatever it is, the latest messages of the account are listed
    tag_ignored: bool = False
    #: the `total` of a tag's page, as its type
    total_type: Literal["int", "str"] = "int"
    sandbox_in_tags: bool = True
    failed_lines: Literal["listed", "omitted"] = "listed"
    reorder_lines: bool = False
    status_case: Literal["title", "lower", "upper"] = "title"
    status_date: Literal["epoch", "text"] = "epoch"
    #: the counters of /me as they were named in 2018
    old_counters: bool = False
    #: which of the two names of the balance /me gives
    balance_names: Literal["both", "balance", "solde"] = "both"
    #: amounts of /me as text or as numbers
    amounts: Literal["text", "number"] = "text"
    #: /multi-status is documented as GET: HTTP 405, or code 1 because its body is not read
    multi_status_get: Literal["405", "code1"] = "405"
    #: an answer to /bulk-send has the time at which a scheduled message leaves
    bulk_tells_schedule: bool = False
    #: the price of a cancelled message is refunded
    cancel_refunds: bool = False
    #: in euros
    price: Decimal = Decimal("0.038")
    credit: Decimal = Decimal(100_000)
    #: too little credit refuses the whole request, or the lines that it cannot pay
    credit_runs_out: Literal["whole", "mid_batch"] = "whole"
    no_credit_shape: Literal["object", "message"] = "object"
    #: seconds from departure to the report: the shortest and the longest
    delivery_seconds: tuple[float, float] = (1.0, 3.0)
    #: shares of the numbers, chosen by a hash of the number; another seed chooses others
    seed: str = ""
    share_not_delivered: float = 0.0
    share_ko: float = 0.0
    share_waiting: float = 0.0
    share_stop: float = 0.0
    #: the end of a number -> its final status word ("Waiting" never ends)
    fates: dict[str, str] = field(default_factory=dict)
    #: numbers on the STOP list, E.164
    stopped: tuple[str, ...] = ()
    #: numbers that answer STOP once delivered, E.164
    answers_stop: tuple[str, ...] = ()
    #: beginnings of E.164 numbers without a price (code 13)
    no_price: tuple[str, ...] = ()
    blocked_senders: tuple[str, ...] = ()
    #: the end of a number -> its kind in /lookup; empty for an invalid number
    lookups: dict[str, str] = field(default_factory=dict)
    #: the end of a number -> the network's error in its check; empty for no result
    check_errors: dict[str, str] = field(default_factory=dict)
    #: outside the hours a message leaves at once, waits for the opening, or is refused (22, 23)
    marketing_window: Literal["ignore", "pause", "refuse"] = "ignore"
    unicode_enabled: bool = True
    #: /bulk-send uses urlDlr and urlResponse (one page has them, the newer ones do not)
    bulk_urls: bool = True
    #: addresses for reports and replies if a request has none; empty for no posting
    account_reports_to: str = ""
    account_replies_to: str = ""
    #: how often each call is posted: 0 never, 2 for duplicates
    webhook_copies: int = 1
    webhook_form: Literal["json", "form"] = "json"
    #: calls that are due together are posted in another order
    webhook_shuffled: bool = False
    #: a report of "waiting" comes after the final one
    webhook_late_waiting: bool = False
    #: a call without an answer of 2xx is posted so many more times, so many seconds apart
    webhook_retries: int = 0
    webhook_retry_seconds: float = 1.0
    #: reports of sends with sandbox=1 are posted, too
    sandbox_webhooks: bool = False
    #: the only hosts that calls are posted to: a real program must not get made-up reports
    webhook_hosts: tuple[str, ...] = ("127.0.0.1", "localhost", "::1")

    def changed(self, values: dict[str, Any]) -> Self:
        """These switches with some changed. Raises ValueError for an unknown one."""
        known = {item.name: item.type for item in fields(self)}
        for name, value in values.items():
            if name not in known:
                raise ValueError(f"no switch is called {name!r}")
            choices = CHOICES.get(name)
            if choices and value not in choices:
                raise ValueError(f"{name} is one of {', '.join(choices)}")
        return replace(self, **{name: _from_json(name, value) for name, value in values.items()})


#: the values of each switch that has a choice of words
CHOICES: dict[str, tuple[str, ...]] = {
    name: get_args(kind)
    for name, kind in get_type_hints(Behaviour).items()
    if get_origin(kind) is Literal
}
_DECIMALS = ("price", "credit")


def _from_json(name: str, value: Any) -> Any:
    # JSON has no decimals and no tuples
    if name in _DECIMALS:
        return Decimal(str(value))
    return tuple(value) if isinstance(value, list) else value

"""The options of a send as fields of a request, and the checks of what the gateway refuses."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

from dispatcher.errors import InvalidRequest
from dispatcher.gateway.send_options import SendOptions
from dispatcher.gateway.smspartner.wire.schedule import slot

_SENDER: Final = re.compile(r"[A-Za-z0-9 ]{3,11}")
_TAG: Final = re.compile(r"[a-z0-9]{1,20}")
_LONGEST_URL: Final = 500
_RANGES: Final[dict[str, int]] = {"premium": 1, "low-cost": 2}


def fields_of(options: SendOptions) -> dict[str, object]:
    """The fields of a request. Raises InvalidRequest for an ``at`` that ``slot`` refuses."""
    found: dict[str, object] = {
        "tag": options.tag,
        "sender": options.sender,
        "isStopSms": int(options.stop),
        "isUnicode": int(options.unicode),
        "gamme": _RANGES.get(options.range or ""),
        "sandbox": int(options.sandbox),
        "urlDlr": options.reports_to,
        "urlResponse": options.replies_to,
    }
    set_ = {name: value for name, value in found.items() if value}
    return set_ if options.at is None else set_ | slot(options.at).fields()


def checked_fields(options: SendOptions) -> dict[str, object]:
    """The same fields. Raises InvalidRequest for what the gateway's pages say it refuses."""
    if options.sender and not _SENDER.fullmatch(options.sender):
        raise InvalidRequest("the sender is not 3 to 11 letters or digits without accents")
    if options.range is not None and options.range not in _RANGES:
        raise InvalidRequest("the range is premium or low-cost")
    if options.stop and options.range == "low-cost":
        raise InvalidRequest("the low-cost range adds no STOP mention: write it in the text")
    check_tag(options.tag)
    check_url(options.reports_to)
    check_url(options.replies_to)
    return fields_of(options)


def check_tag(tag: str) -> None:
    """Raise InvalidRequest for a tag that the gateway refuses; an empty one is left out."""
    if tag and not _TAG.fullmatch(tag):
        raise InvalidRequest("a tag is 1 to 20 lower-case letters and digits")


def check_url(url: str | None) -> None:
    """Raise InvalidRequest for an address to which no gateway can post."""
    if url is None:
        return
    try:
        parts = urlsplit(url)
        sound = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        sound = False
    if not sound or len(url) > _LONGEST_URL or not (url.isascii() and url.isprintable()):
        raise InvalidRequest("a webhook's address is an http or https URL")

"""What holds for a whole send beside its numbers and texts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal
from urllib.parse import urlsplit

from dispatcher.errors import InvalidRequest
from dispatcher.gateway.smspartner.wire.schedule import slot

_SENDER: Final = re.compile(r"[A-Za-z0-9 ]{3,11}")
_TAG: Final = re.compile(r"[a-z0-9]{1,20}")
_LONGEST_URL: Final = 500

Range = Literal["premium", "low-cost"]
_RANGES: Final[dict[str, int]] = {"premium": 1, "low-cost": 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The options of a send, each left out of the request unless it is set.

    Raises InvalidRequest for one that the gateway is documented to refuse.
    """

    #: 3 to 11 letters, digits or spaces; without one the operator's short code, which can be
    #: answered
    sender: str | None = None
    #: at most 20 lower-case letters and digits; the only name of ours that can be asked for
    tag: str = ""
    #: have the STOP mention added, which takes its place in the text
    stop: bool = False
    #: 70 characters a part; only for accounts that the vendor has enabled
    unicode: bool = False
    #: ``gamme``; not in the vendor's newest pages, and left to the account unless set
    range: Range | None = None
    #: nothing is sent or paid, and it is gone from the lists within a day
    sandbox: bool = False
    #: an aware instant that ``schedule.slot`` takes
    at: datetime | None = None
    #: where delivery reports are posted (``urlDlr``)
    reports_to: str | None = None
    #: where replies and STOPs are posted (``urlResponse``)
    replies_to: str | None = None

    def __post_init__(self) -> None:
        if self.sender and not _SENDER.fullmatch(self.sender):
            raise InvalidRequest("the sender is not 3 to 11 letters or digits without accents")
        if self.range is not None and self.range not in _RANGES:
            raise InvalidRequest("the range is premium or low-cost")
        if self.stop and self.range == "low-cost":
            raise InvalidRequest("the low-cost range adds no STOP mention: write it in the text")
        check_tag(self.tag)
        for url in (self.reports_to, self.replies_to):
            check_url(url)
        if self.at is not None:
            slot(self.at)

    def fields(self) -> dict[str, object]:
        """The fields of a request."""
        found: dict[str, object] = {
            "tag": self.tag,
            "sender": self.sender,
            "isStopSms": int(self.stop),
            "isUnicode": int(self.unicode),
            "gamme": _RANGES.get(self.range or ""),
            "sandbox": int(self.sandbox),
            "urlDlr": self.reports_to,
            "urlResponse": self.replies_to,
        }
        set_ = {name: value for name, value in found.items() if value}
        return set_ if self.at is None else set_ | slot(self.at).fields()


def check_tag(tag: str) -> None:
    """Raise InvalidRequest for a tag that the gateway refuses; an empty one is none."""
    if tag and not _TAG.fullmatch(tag):
        raise InvalidRequest("a tag is 1 to 20 lower-case letters and digits")


def check_url(url: str | None) -> None:
    """Raise InvalidRequest for an address that no gateway can post to."""
    if url is None:
        return
    try:
        parts = urlsplit(url)
        sound = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        sound = False
    if not sound or len(url) > _LONGEST_URL or not (url.isascii() and url.isprintable()):
        raise InvalidRequest("a webhook's address is an http or https URL")

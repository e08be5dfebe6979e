"""Testers: people of the company who get the text of a row before anybody else. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from dispatcher.errors import InvalidCampaign
from dispatcher.masking import mask

#: what a test begins with: nobody takes it for the campaign
MARK: Final = "TEST - "
_LONGEST_NAME: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Tester:
    """Somebody who gets test messages; ``any_hour``: outside of the window, too."""

    __test__ = False  # pytest takes the name for that of a test

    id: int
    name: str
    phone: str = field(repr=False)
    any_hour: bool
    created_at: datetime
    created_by: str

    @property
    def shown(self) -> str:
        """The number with most of its digits hidden."""
        return mask(self.phone)


@dataclass(frozen=True, slots=True, kw_only=True)
class TestSend:
    """Test messages that wait for workers: their campaign, and the names of the testers."""

    __test__ = False

    campaign: int
    reference: str
    testers: tuple[str, ...]
    why: str = ""
    waits_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TestProgress:
    """Test messages of a draft: when they were asked for, and how many stand where."""

    __test__ = False

    campaign: int
    reference: str
    test_of: str
    at: datetime
    #: counts by ``MessageState``, those that are not 0
    messages: dict[str, int]


def checked_name(name: str) -> str:
    """The name of a tester on one line. Raises InvalidCampaign."""
    line = " ".join(name.split())
    if not line or len(line) > _LONGEST_NAME or not line.isprintable():
        raise InvalidCampaign(f"a tester's name has 1 to {_LONGEST_NAME} printable characters")
    return line

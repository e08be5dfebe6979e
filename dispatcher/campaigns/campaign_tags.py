"""Campaign tags: words of the caller's by which campaigns are listed, and their money is added up.

A tag alone is our name for an attempt at the gateway (``dispatch.tags``). Pure.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Final

from dispatcher.errors import InvalidCampaign
from dispatcher.recipients.spellings import FEWEST, has_digits

MOST: Final = 10
LONGEST: Final = 50
_LETTER: Final = "A-Za-z0-9À-ÖØ-öø-ÿŒœ"
#: what one looks like; the same in Python and in the description of the JSON API
PATTERN: Final = rf"^[{_LETTER}][{_LETTER}._:/-]{{0,{LONGEST - 1}}}$"
_is_one: Final = re.compile(rf"{PATTERN[:-1]}\Z").match


def tags_of(values: Iterable[str]) -> tuple[str, ...]:
    """The campaign tags, in lower case and order, each once; one text is one of them.

    Raises InvalidCampaign for one that is none, and for more than ``MOST``.
    """
    if not isinstance(values, Iterable):
        raise InvalidCampaign('campaign tags are a list of texts: tags=["shop-lyon"]')
    given = [values] if isinstance(values, str) else list(values)
    if len(given) > MOST:
        raise InvalidCampaign(f"a campaign has at most {MOST} tags, and these are {len(given)}")
    return tuple(sorted({tag_of(value) for value in given}))


def tag_of(value: str) -> str:
    """One campaign tag, as it is stored. Raises InvalidCampaign."""
    tag = unicodedata.normalize("NFC", value) if isinstance(value, str) else ""
    if not _is_one(tag):
        raise InvalidCampaign(
            f"a campaign tag has 1 to {LONGEST} letters, digits and signs of . _ : / -, begins"
            " with a letter or digit, and has no blank: shop-lyon"
        )
    if has_digits(tag):
        raise InvalidCampaign(
            f"a campaign tag has at most {FEWEST - 1} digits, so that no phone number is in it"
        )
    return tag.lower()


def other_tags(known: tuple[str, ...], values: Iterable[str]) -> list[str]:
    """A sentence if a campaign is submitted again with other tags, which changes nothing."""
    if known == tuple(values):
        return []
    if not known:
        return ["the campaign was submitted before without a tag, and stays so"]
    return [f"the campaign was submitted before, and keeps its tags: {', '.join(known)}"]

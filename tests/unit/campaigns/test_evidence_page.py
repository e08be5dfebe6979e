"""The page of evidence: both languages say the same, and nothing in it can act."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatcher.campaigns.evidence_file.page import EvidencePage
from dispatcher.campaigns.evidence_file.page_digest import Digest
from dispatcher.campaigns.evidence_file.page_words import WORDS
from dispatcher.campaigns.evidence_file.ranges import positions, ranges
from dispatcher.campaigns.states import BatchState, CampaignState, MessageState

_AT = "2026-11-24T09:00:00+00:00"
_BATCH = {"batch": 1, "size": 2, "state": "done", "sent_at": _AT}
_WINDOW = {"territory": "la-reunion", "opens": _AT, "why": "after 20:00 in Paris", "rule": "both"}


def page(language: str = "en", batches: int = 1, **campaign: Any) -> str:
    digest = Digest()
    list(digest.of_batches(_BATCH | {"batch": n, "window": _WINDOW} for n in range(1, batches + 1)))
    list(digest.of_opt_outs([{"source": "by hand"}, {"source": ""}]))
    facts = {"made_at": _AT, "made_by": "tests", "numbers": "masked", "fingerprint": "ab" * 32}
    values: dict[str, Any] = {
        "reference": "soldes",
        "state": "finished",
        "text": "Soldes",
        "survey": None,
        "sender": "MaBoutique",
        "from_number": None,
        "account": None,
        "tags": [],
        "submitted": {"by": "anne", "from": "shell on web-1", "reason": ""},
        "submitted_at": _AT,
        "approved": None,
        "commercial": True,
        "stop_mention": {"in_text": False, "added_by_gateway": True},
        "not_before": None,
        "not_after": None,
        "ended_at": _AT,
        "fingerprint": "cd" * 32,
        "plan": None,
        "list": {"hash": None, "rows": 2, "duplicates": 0, "unusable": 0},
    }
    sums = {
        "recipients": 1200,
        "batches": batches,
        "states": {"delivered": 1198, "opted_out": 2},
        "segments": 1200,
        "cost": "54.0000",
        "attempts": 1,
        "outcomes": {"sent": 1},
        "entries": 0,
    }
    return "".join(EvidencePage(language, values | campaign, sums, digest, facts).parts())


class _Tags(HTMLParser):
    """Collects tags, and the attributes that could load something."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str | None] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name in ("href", "src", "action")]
        assert not any(name.startswith("on") for name, _ in attrs)
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("language", WORDS)
def test_page_is_whole_loads_nothing_and_has_no_script(language: str) -> None:
    tags = _Tags(page(language))
    assert tags.open == []
    assert not {"script", "img", "link", "iframe", "form", "object"} & set(tags.tags)
    assert [link for link in tags.links if link and ":" in link] == []
    assert f'<html lang="{language}">' in page(language)


@given(st.text())
def test_words_of_a_campaign_are_no_markup(text: str) -> None:
    plain = _Tags(page())
    assert _Tags(page(text=f"a{text}", reference=f"b{text}")).tags == plain.tags


def test_french_page_has_a_word_for_every_state_and_a_french_number() -> None:
    french = WORDS["fr"].said
    for state in (*MessageState, *BatchState, *CampaignState):
        assert state.value in french, state
    assert "1\u202f200" in page("fr")
    assert "54,0000\u00a0€" in page("fr")
    assert "après 20:00 in Paris" in page("fr")


def test_french_page_has_every_word_of_the_english_one() -> None:
    assert WORDS["en"].said.keys() <= WORDS["fr"].said.keys()


def test_window_is_told_on_the_clock_of_its_territory() -> None:
    assert "2026-11-24 13:00:00 (UTC+04:00)" in page()


def test_long_campaign_shows_its_first_batches_and_counts_the_rest() -> None:
    text = page(batches=500)
    assert len(re.findall(r'<td data-name="Number">', text)) == 200
    assert "300 more are in batches.jsonl." in text


def test_text_that_was_deleted_is_told() -> None:
    assert "deleted, as the sender" in page(text="")


def test_campaign_that_is_not_commercial_says_why() -> None:
    submitted = {"by": "anne", "from": "", "reason": "delivery notices"}
    assert "no (delivery notices)" in page(commercial=False, submitted=submitted)


@given(st.sets(st.integers(0, 499)))
def test_ranges_read_back(chosen: set[int]) -> None:
    assert positions(ranges(chosen), 500) == chosen


@pytest.mark.parametrize("text", ["5", "0-5", "3-1", "x", "-1", "0,0,0,0,0,0"])
def test_text_that_is_no_ranges_of_a_batch_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        positions(text, 5)

"""Campaign tags: how they are spelled, how many there are, and what is refused."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatcher.campaigns.campaign_tags import LONGEST, MOST, PATTERN, tags_of
from dispatcher.campaigns.selection import Selection, which_of
from dispatcher.campaigns.submission import Submission
from dispatcher.errors import InvalidCampaign
from dispatcher.recipients.spellings import places


def test_tags_come_in_order_small_and_each_once() -> None:
    assert tags_of(["Sale", "shop-lyon", "sale", "2027:q1", "a/b_c.d"]) == (
        "2027:q1", "a/b_c.d", "sale", "shop-lyon")  # fmt: skip


def test_one_text_is_one_tag() -> None:
    assert tags_of("shop-lyon") == ("shop-lyon",)


def test_accents_of_any_composition_are_the_same_tag() -> None:
    apart = unicodedata.normalize("NFD", "Été-Œuvre")
    assert tags_of([apart, "été-œuvre"]) == ("été-œuvre",)


def test_longest_and_most_tags_are_taken() -> None:
    assert tags_of(["x" * LONGEST]) == ("x" * LONGEST,)
    assert len(tags_of(f"t{n}" for n in range(MOST))) == MOST


@pytest.mark.parametrize(
    "value",
    ["", " ", "shop lyon", "a,b", "-x", "x" * (LONGEST + 1), "a\n", "a\x00", "😀", "a;b", "=1", 7,
     None, b"shop", "a\u200bb", "б"],
)  # fmt: skip
def test_tag_that_is_none_is_refused_in_one_sentence(value: Any) -> None:
    with pytest.raises(InvalidCampaign) as refused:
        tags_of([value])
    assert str(refused.value) == (
        "a campaign tag has 1 to 50 letters, digits and signs of . _ : / -, begins with a letter"
        " or digit, and has no blank: shop-lyon"
    )


@pytest.mark.parametrize("value", ["0639980001", "06.39-98/00_01", "t639980001", "33639980001"])
def test_phone_number_is_no_tag(value: str) -> None:
    with pytest.raises(InvalidCampaign, match="at most 8 digits, so that no phone number is in it"):
        tags_of([value])


def test_day_is_a_tag() -> None:
    assert tags_of(["2027-11-29"]) == ("2027-11-29",)


def test_too_many_tags_are_refused() -> None:
    with pytest.raises(InvalidCampaign, match="at most 10 tags, and these are 11"):
        tags_of(f"t{n}" for n in range(MOST + 1))


@pytest.mark.parametrize("value", [None, 7, object()])
def test_tags_that_are_no_list_are_refused(value: Any) -> None:
    with pytest.raises(InvalidCampaign, match="are a list of texts"):
        tags_of(value)


@given(st.from_regex(PATTERN, fullmatch=True))
def test_what_the_pattern_describes_is_taken_or_holds_too_many_digits(value: str) -> None:
    try:
        [tag] = tags_of([value])
    except InvalidCampaign as refused:
        assert "digits, so that" in str(refused)  # noqa: PT017
    else:
        assert re.fullmatch(PATTERN, tag)
        assert tags_of([tag]) == (tag,)
        assert not [*places(tag)]


def submission(**options: Any) -> Submission:
    return Submission(reference="soldes", text="Soldes", **options)


def test_tags_are_no_part_of_the_fingerprint() -> None:
    tagged, plain = submission(tags=["Shop-Lyon"]), submission()
    assert tagged.tags == ("shop-lyon",)
    assert tagged.fingerprint("list") == plain.fingerprint("list")


def test_filter_takes_tags_as_they_are_submitted() -> None:
    since = datetime(2027, 1, 1, tzinfo=UTC)
    selected = Selection.of({"tag": ["Shop-Lyon", "sale"], "since": since})
    assert selected.tags == {"shop-lyon", "sale"}
    assert Selection.of({"tag": "Sale"}).tags == {"sale"}
    assert which_of({"tag": ["Sale", "b"]}).get("tag") == ["sale", "b"]
    with pytest.raises(InvalidCampaign, match="a campaign tag has"):
        which_of({"tag": ["a b"]})

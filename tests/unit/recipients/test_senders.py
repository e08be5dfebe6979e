"""Senders: which names a campaign may bear."""

from __future__ import annotations

import pytest

from dispatcher.errors import InvalidCampaign
from dispatcher.recipients.senders import check_sender


@pytest.mark.parametrize("sender", [None, "abc", "ABC123", "12345678901"])
def test_sender_of_3_to_11_letters_or_digits_is_accepted(sender: str | None) -> None:
    assert check_sender(sender) == sender


def test_empty_sender_becomes_none() -> None:
    assert check_sender("") is None


@pytest.mark.parametrize("sender", ["ab", "abcdefghijkl", "a b c", "été", "abc\n", "٣٣٣", "a-b"])
def test_any_other_sender_raises(sender: str) -> None:
    with pytest.raises(InvalidCampaign):
        check_sender(sender)

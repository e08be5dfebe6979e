"""Senders: which names a campaign may bear."""

from __future__ import annotations

import pytest

from dispatcher.errors import InvalidCampaign
from dispatcher.recipients.senders import check_sender, sender_warning


@pytest.mark.parametrize("sender", [None, "abc", "ABC123", "1234567890a"])
def test_sender_of_3_to_11_letters_or_digits_is_accepted(sender: str | None) -> None:
    assert check_sender(sender) == sender


def test_empty_sender_becomes_none() -> None:
    assert check_sender("") is None


@pytest.mark.parametrize("sender", ["ab", "abcdefghijkl", "a b c", "été", "abc\n", "٣٣٣", "a-b"])
def test_sender_of_wrong_form_raises(sender: str) -> None:
    with pytest.raises(InvalidCampaign):
        check_sender(sender)


@pytest.mark.parametrize("sender", ["36180", "12345678901", "000"])
def test_sender_of_digits_alone_names_its_rule(sender: str) -> None:
    with pytest.raises(InvalidCampaign, match=r"digits alone.*2025-03-10") as raised:
        check_sender(sender)
    assert sender not in str(raised.value)


@pytest.mark.parametrize("sender", ["INFO", "sms", "Rdv", "ALERTE"])
def test_generic_sender_gets_a_warning_with_its_rule(sender: str) -> None:
    assert sender in sender_warning(sender)
    assert "2025-03-10" in sender_warning(sender)


@pytest.mark.parametrize("sender", [None, "MaBoutique", "InfoMairie"])
def test_own_name_as_sender_has_no_warning(sender: str | None) -> None:
    assert sender_warning(sender) == ""

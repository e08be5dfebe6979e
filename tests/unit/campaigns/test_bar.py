"""The bar of a campaign's messages."""

from __future__ import annotations

from dispatcher.campaigns.bar import percent_ended, pieces


def test_parts_of_any_shares_fill_the_bar() -> None:
    messages = {"pending": 1, "sent": 0, "delivered": 2, "rejected": 998, "in_doubt": 10_000}
    drawn = [*pieces(messages, 1000)]
    assert [piece.state for piece in drawn] == ["delivered", "rejected", "in_doubt", "pending"]
    assert [piece.start for piece in drawn] == [
        sum(piece.width for piece in drawn[:at]) for at in range(len(drawn))
    ]
    assert sum(piece.width for piece in drawn) == 1000
    assert percent_ended(messages) == 9


def test_no_messages_draw_an_empty_bar() -> None:
    assert ([*pieces({}, 1000)], percent_ended({})) == ([], 100)

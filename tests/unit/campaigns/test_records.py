from __future__ import annotations

import pytest

from dispatcher.campaigns.records import masked


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        ("+33639981234", "+33 6 •• •• •• 34"),
        ("+262639123456", "+262 6 •• •• •• 56"),
        ("+687751234", "+687 7• •• 34"),
        ("+33", "•••"),
    ],
)
def test_masked_number_keeps_its_kind_and_its_last_pair(number: str, shown: str) -> None:
    assert masked(number) == shown

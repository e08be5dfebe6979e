from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dispatcher.recipients.number_set import NumberSet

NUMBERS = st.one_of(
    st.integers(33_599_999_990, 33_600_000_010),
    st.integers(33_799_999_990, 33_800_000_010),
    st.integers(1, 10**15),
)


@given(st.lists(st.tuples(st.booleans(), NUMBERS)))
def test_number_set_equals_a_set_of_numbers(acts: list[tuple[bool, int]]) -> None:
    numbers, model = NumberSet(), set[int]()
    for adds, number in acts:
        if adds:
            assert numbers.add(number) is (number not in model)
            model.add(number)
        elif number in model:
            numbers.discard(number)
            model.discard(number)

"""Texts as Hypothesis draws them."""

from hypothesis import strategies as st

ANYTHING = st.text(st.characters())
#: what tags, line breaks and their neighbours are made of
TAGGY = st.lists(st.sampled_from([*":€~\n\u200b：", "b", "br", "euro", ":br:", ":euro:"])).map(
    "".join
)

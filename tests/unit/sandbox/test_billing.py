"""What is planned is what is billed, per person: planner, request and fake gateway together."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from dispatcher.campaigns.batch import DueBatch, DueRecipients, PlannedBatch
from dispatcher.campaigns.planner import Planner
from dispatcher.dispatch.sending.request import call_of, request_of
from dispatcher.errors import InvalidText
from dispatcher.gateway.smspartner.client import SmsPartner
from dispatcher.recipients import Recipient
from dispatcher.sandbox.gateway.rendering import STOP_MENTION, leaving
from dispatcher.settings import Settings
from dispatcher.texts import has_stop
from tests.unit.strategies import ANYTHING, TAGGY

GATEWAY = SmsPartner("http://127.0.0.1:1/v1", "0" * 40)
SETTINGS = Settings(api_key=SecretStr("0" * 40))
PIECES = st.lists(
    st.sampled_from(
        [
            *(
                "{{ a }}",
                '{{ a | default("STOP au 36180") }}',
                "{{ b }}",
                "Bonjour ",
                "à ",
                "ê",
                "ç",
            ),
            *("€", ":br:", "\n", "🌸", "❤\ufe0f", "\u200d", "x" * 59, "x" * 140, "x" * 300, "[~]"),
            *(" STOP ", "36 180", " au ", "NON", "é", "’", "Ж", "œ", "“x”", "…"),
        ]
    ),
    max_size=9,
).map("".join)
VALUES = (
    st.sampled_from(["", "Marie", "Zoé 🌸", "Zoé\u200e", "Noël", "STOP", "36180", "STOP: 36 180"])
    | st.text(st.sampled_from("abé êç’€:br\n\u0301{x 🌸o\ufe0f~œ"), max_size=80)
    | TAGGY
    | ANYTHING
)


def billed(text: str, batch: PlannedBatch, *, commercial: bool) -> list[tuple[str, str, int]]:
    """For each person of the batch, in one call: what is sent, what arrives, what is billed."""
    phones = [phone for phone, _ in batch.messages]
    fields = [json.loads(each or "{}") for _, each in batch.messages]
    due = DueBatch(
        id=1,
        campaign_id=1,
        territory=batch.territory,
        attempt=0,
        checks=0,
        states="p" * len(phones),
        codes="{}",
        text=text,
        sender="MaBoutique",
        commercial=commercial,
        recipients=DueRecipients(range(len(phones)), phones, fields),
        unproven=(),
        opt_outs=None,
    )
    body = json.loads(request_of(due, call_of(due), "tag", GATEWAY, SETTINGS).body)
    texts: Sequence[str]
    if "SMSList" in body:
        assert [line["phoneNumber"] for line in body["SMSList"]] == phones
        texts = [line["message"] for line in body["SMSList"]]
    else:
        assert body["phoneNumbers"] == ",".join(phones)
        texts = [body["message"]] * len(phones)
    flags = bool(body.get("isUnicode")), bool(body.get("isStopSms"))
    return [(each, *leaving(each, *flags)) for each in texts]


@example(
    "Bonjour {{ a }}, votre avantage fidélité de 20 % vous attend en magasin jusqu’à samedi soir."
    " Présentez ce message en caisse. À bientôt !",
    [*[("Marie", "")] * 9, ("Zoé 🌸", "")],
    True,
)
@example("Bonjour {{ a }}, STOP 36180œ", [("Marie", "")], True)
@settings(max_examples=300)
@given(
    PIECES | ANYTHING, st.lists(st.tuples(VALUES, VALUES), min_size=1, max_size=6), st.booleans()
)
def test_planned_segments_are_billed_to_each_person(
    text: str, values: list[tuple[str, str]], commercial: bool
) -> None:
    people = [
        Recipient(f"+3363998{n:04}", {"a": a, "b": b} if a else {"b": b})
        for n, (a, b) in enumerate(values)
    ]
    try:
        planner = Planner(text, stop_budget=SETTINGS.stop_budget if commercial else 0)
    except InvalidText:
        return
    for batch in planner.cut(people):
        left = billed(text, batch, commercial=commercial)
        assert [segments for *_, segments in left] == list(batch.segments)
        if commercial:
            assert all(
                STOP_MENTION in final or (has_stop(sent) and has_stop(final))
                for sent, final, _ in left
            )


@pytest.mark.parametrize(
    ("names", "calls"),
    [
        pytest.param(["Marie"] * 3, 1, id="one text for all"),
        pytest.param(["Marie", "Zoé 🌸", "Anne"], 2, id="an emoji"),
        pytest.param(["Marie", "Zoé\u200e", "\u202aAnne\u202c"], 1, id="marks"),
    ],
)
def test_nobody_elses_text_changes_with_an_emoji(names: list[str], calls: int) -> None:
    text = "Bonjour {{ prenom }}, ça va ? François"
    planner = Planner(text, stop_budget=14)
    people = [Recipient(f"+3363998{n:04}", {"prenom": name}) for n, name in enumerate(names)]
    batches = list(planner.cut(people))
    assert len(batches) == calls
    for batch in batches:
        for _, final, _ in billed(text, batch, commercial=False):
            spelling = "ça va ? François" if "🌸" in final else "Ça va ? FranÇois"
            assert final.endswith(spelling)

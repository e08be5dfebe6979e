"""Campaigns from a long number, and surveys: what is refused, planned, and proven by an answer."""

from __future__ import annotations

import hashlib
import json
from decimal import Decimal
from typing import Any

import pytest

from dispatcher.api.intake import planner_of
from dispatcher.campaigns.batch import PlannedBatch
from dispatcher.campaigns.caps import Usage, check_campaign, usage_of
from dispatcher.campaigns.outcome import (
    Blocked,
    InDoubt,
    MessageResults,
    NotSent,
    Outcome,
    Refused,
    Sent,
)
from dispatcher.campaigns.plan import warnings_of
from dispatcher.campaigns.planner import Planner
from dispatcher.campaigns.states import MessageState
from dispatcher.campaigns.submission import Submission
from dispatcher.errors import InvalidCampaign, InvalidText
from dispatcher.gateway import Accepted, Declined, LineAnswer, Lost, SingleReply, Throttled, Unsent
from dispatcher.gateway.outcomes import personal_verdict
from dispatcher.recipients import Recipient, Rejection
from dispatcher.settings import Settings

PHONE, OURS = "+33639980001", "+33639988888"
COST = Decimal("0.076")
SETTINGS = Settings.of()


def asked(**options: Any) -> Submission:
    return Submission(**{"reference": "soldes", "text": "Bonjour"} | options)


# -- what is submitted


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"survey": "a1"}, "text from the gateway's dashboard"),
        ({"survey": "a 1", "text": ""}, "without blanks"),
        ({"survey": "é", "text": ""}, "without blanks"),
        ({"survey": 65 * "a", "text": ""}, "1 to 64 characters"),
        ({"survey": "a1", "text": "", "sender": "Boutique"}, "neither a sender"),
        ({"survey": "a1", "text": "", "from_number": OURS}, "nor a long number"),
        ({"from_number": OURS, "sender": "Boutique"}, "a sender or a long number, not both"),
        ({"from_number": "MaBoutique"}, "the long number is not one like"),
        ({"from_number": "36180"}, "the long number is not one like"),
    ],
)
def test_incompatible_options_raise_invalid_campaign(options: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidCampaign, match=says) as caught:
        asked(**options)
    assert "\n" not in str(caught.value)


def test_long_number_in_any_spelling_is_stored_as_e164() -> None:
    spellings = ("06 39 98 88 88", "+33639988888", "0033 6 39 98 88 88")
    known = [asked(from_number=one) for one in spellings]
    assert {one.from_number for one in known} == {OURS}
    assert len({one.fingerprint("d") for one in known}) == 1
    assert "639988888" not in repr(known[0])


@pytest.mark.parametrize("raw", ["06 39 98 88 88", "+33 1 99 00 00 00"])
def test_long_number_in_a_setting_is_stored_as_e164(raw: str) -> None:
    known = asked(from_number=raw).from_number
    assert Settings.of(from_number=raw).from_number == known is not None


def test_kinds_have_different_fingerprints() -> None:
    kinds = [{}, {"from_number": OURS}, {"survey": "a1", "text": ""}, {"survey": "a2", "text": ""}]
    assert len({asked(**kind).fingerprint("d") for kind in kinds}) == len(kinds)


def test_submission_of_an_older_version_keeps_its_fingerprint() -> None:
    body = ["Bonjour", "Boutique", None, None, True, None, "d"]
    known = hashlib.sha256(json.dumps(body).encode()).hexdigest()
    assert asked(sender="Boutique").fingerprint("d") == known


def test_long_number_and_survey_have_one_recipient_a_call() -> None:
    assert asked().call_size == asked(sender="Boutique").call_size == 500
    assert asked(from_number=OURS).call_size == 1
    assert asked(survey="a1", text="").call_size == 1


# -- what is planned


def test_batch_is_split_in_order() -> None:
    batch = PlannedBatch("metropole", tuple((f"+33{n}", None) for n in range(5)), (1, 2, 3, 4, 5))
    parts = list(batch.split(2))
    assert [part.segments for part in parts] == [(1, 2), (3, 4), (5,)]
    assert [message for part in parts for message in part.messages] == list(batch.messages)
    assert {part.territory for part in parts} == {"metropole"}
    assert list(batch.split(5)) == [batch]


def test_long_number_rejects_text_that_needs_unicode() -> None:
    with pytest.raises(InvalidText, match="Unicode"):
        planner_of(asked(text="Спасибо", from_number=OURS), SETTINGS, None)
    planner_of(asked(text="Спасибо"), SETTINGS, None)
    # what the gateway's table, or we, spell plainly needs none
    planner_of(asked(text="Là-bas, c’est l’été…", from_number=OURS), SETTINGS, None)


def test_long_number_rejects_only_rows_that_need_unicode() -> None:
    left_out: list[Rejection] = []
    planner = planner_of(
        asked(text="Bonjour {{ nom }}", from_number=OURS), SETTINGS, left_out.append
    )
    names = ["Zoé", "Юлия", "Luc"]
    people = [Recipient(f"063998000{n}", {"nom": name}) for n, name in enumerate(names)]
    [batch] = planner.cut(people)
    assert [phone[-1] for phone, _ in batch.messages] == ["0", "2"]
    assert ["Unicode" in one.reason for one in left_out] == [True]


def test_survey_has_no_segments() -> None:
    planner = Planner("", survey=True, stop_budget=14)
    batches = list(planner.cut([Recipient("0639980001", {}), Recipient("0639980002", {})]))
    assert (planner.kept, planner.billed, planner.texts.longest.texts) == (2, {}, ())
    assert not planner.texts.known
    assert [batch.cost({"metropole": COST}) for batch in batches] == [None]


def test_empty_text_without_a_survey_raises_invalid_text() -> None:
    with pytest.raises(InvalidText, match="empty"):
        planner_of(asked(text=""), SETTINGS, None)


def test_cap_in_euros_rejects_a_survey() -> None:
    surveys = usage_of(3, {}, {}, measured=False)
    assert surveys == Usage(3, unpriced="surveys")
    check_campaign(Settings.of(campaign_recipients=3), surveys)
    for name in ("campaign_euros", "daily_euros"):
        capped = Settings.of(prices={"metropole": "0.05"}, **{name: 10})
        with pytest.raises(InvalidCampaign, match=f"cost of surveys is not known .*{name.upper()}"):
            check_campaign(capped, surveys)


def warned(**options: Any) -> str:
    usual: dict[str, Any] = {
        "rows": 3, "rejected": 0, "commercial": True, "sender": None, "unpriced": [], "late": 0
    }  # fmt: skip
    return "; ".join(warnings_of(**usual | options))


def test_plan_of_a_survey_or_long_number_warns() -> None:
    assert warned() == ""
    assert "operators may block a mobile number" in warned(from_number=OURS)
    assert warned(from_number="+33199000000") == ""
    assert "no STOP mention can be asked for" in warned(survey=True)
    assert "can be asked for" not in warned(survey=True, commercial=False)


# -- what an answer proves


@pytest.mark.parametrize("segments", [1, 2, 9])
def test_success_that_bills_any_cost_proves_the_message(segments: int) -> None:
    assert personal_verdict(Accepted("77", segments, COST), PHONE) == Sent(
        "77", MessageResults({0: MessageState.SENT}, {}, segments, COST, 1)
    )


def test_success_that_bills_nothing_proves_nothing() -> None:
    outcome = personal_verdict(Accepted("77"), PHONE)
    assert isinstance(outcome, InDoubt)
    assert outcome.message_id == "77"


def test_success_that_names_a_refusal_is_in_doubt() -> None:
    refused = (LineAnswer(PHONE, False, 14),)
    outcome = personal_verdict(Accepted("77", 1, COST, refused=refused, partial=True), PHONE)
    assert isinstance(outcome, InDoubt)
    assert outcome.messages.codes == {0: 14}


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        (Unsent("refused"), NotSent("refused")),
        (Lost("cut"), InDoubt("cut")),
        (Throttled(7), NotSent("the gateway asks to wait", 7, answered=True)),
        (Declined(14), Refused(14, "the numbers are on the STOP list")),
        (Declined(55), Refused(55, "no number can be texted")),
        (Declined(44), Blocked("the sender is invalid")),
        (Declined(500), InDoubt("the gateway answered code 500")),
    ],
)
def test_other_answer_to_a_personal_call_has_its_usual_outcome(
    reply: SingleReply, outcome: Outcome
) -> None:
    assert personal_verdict(reply, PHONE) == outcome


def test_invalid_request_of_a_personal_call_blocks_the_account() -> None:
    assert isinstance(personal_verdict(Declined(9), PHONE), Blocked)

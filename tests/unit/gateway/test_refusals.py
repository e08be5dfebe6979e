"""What the entries of a refusal name, in every form in which the gateway was seen to write them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dispatcher.campaigns.outcome import Blocked, Outcome, Refused
from dispatcher.gateway import Declined
from dispatcher.gateway.outcomes import personal_verdict, single_verdict, verdict
from dispatcher.gateway.smspartner.wire.sending import read_send, read_single

PHONES = ("+33639980001", "+33639980002", "+33639980003")
FORMS = pytest.mark.parametrize("key", ["errors", "error"])
SENTENCE = "Un ou plusieurs champs ne respectent pas les contraintes"


def outcome_of(document: dict[str, Any], *, one_text: bool = False) -> Outcome:
    body = json.dumps({"success": False, "code": 9, **document}).encode()
    if one_text:
        return single_verdict(read_single(400, {}, body), PHONES, 1)
    return verdict(read_send(400, {}, body), PHONES)


def entry(element: str, message: str = SENTENCE, **more: object) -> dict[str, object]:
    return {"elementId": element, "message": message, **more}


@FORMS
@pytest.mark.parametrize("code", [9, "9"])
@pytest.mark.parametrize(
    "entries",
    [
        [entry("children[SMSList].children[1].children[phoneNumber].data")],
        [entry("children[SMSList].children[1].children[message].data")],
        [entry("SMSList[1].phoneNumber")],
        [entry("children[phoneNumbers].children[1].data")],
        [entry("children[phoneNumbers].data", "Le téléphone (+33639980002) est invalide")],
        [{"success": False, "code": "9", "message": "Le téléphone (0639980002) n'est pas mobile"}],
        [{"success": False, "code": 9, "phoneNumber": "0639980002"}],
        {"success": False, "code": 9, "phoneNumber": "+33639980002", "message": None},
    ],
)
def test_line_or_number_that_an_entry_names_is_the_reason(
    key: str, code: object, entries: object
) -> None:
    for one_text in (False, True):
        outcome = outcome_of({"code": code, key: entries}, one_text=one_text)
        assert isinstance(outcome, Refused)
        assert (outcome.of_some, outcome.named) == (True, {1: 9})


@FORMS
@pytest.mark.parametrize(
    "entries",
    [
        [entry("children[phoneNumbers].data")],
        [entry("children[phoneNumber].data", "Le numéro (922264) est invalide")],
        [entry("children[SMSList].data")],
        [entry("children[SMSList].children[7].children[phoneNumber].data")],
        [entry("data")],
        [{"message": "Le téléphone (+33639989999) n'est pas mobile"}],
        [None, 7, [], {}],
        SENTENCE,
        {"message": SENTENCE},
        None,
    ],
)
def test_entry_that_names_no_number_of_the_call_condemns_nobody(key: str, entries: object) -> None:
    outcome = outcome_of({key: entries})
    assert isinstance(outcome, Refused)
    assert (outcome.of_some, outcome.named) == (True, {})


@FORMS
@pytest.mark.parametrize("one_text", [False, True])
@pytest.mark.parametrize(
    ("element", "of_schedule"),
    [
        ("children[sender].data", False),
        ("children[message].data", False),
        ("children[gamme].data", False),
        ("sender", False),
        ("children[scheduledDeliveryDate].data", True),
        ("children[time].data", True),
        ("children[minute].data", True),
    ],
)
def test_field_that_all_requests_share_blocks_with_the_gateways_sentence(
    key: str, one_text: bool, element: str, of_schedule: bool
) -> None:
    phone = entry("children[phoneNumbers].data")
    sentence = "Valeur\x1b[31m incorrecte\n(06 39 98 00 01)"
    outcome = outcome_of({key: [phone, entry(element, sentence)]}, one_text=one_text)
    assert isinstance(outcome, Blocked)
    assert outcome.of_schedule is of_schedule
    assert "incorrecte" in outcome.why
    assert "39 98" not in outcome.why
    assert outcome.why.isprintable()


def test_code_of_each_line_that_is_named_stays_its_own() -> None:
    lines = [
        {"code": code, "phoneNumber": phone}
        for code, phone in zip((9, "14"), PHONES[:2], strict=True)
    ]
    outcome = outcome_of({"code": 55, "errors": lines})
    assert isinstance(outcome, Refused)
    assert outcome.named == {0: 9, 1: 14}


@pytest.mark.parametrize("code", [9, 13, 14, 15, 55])
def test_only_number_of_a_call_is_refused_for_good(code: int) -> None:
    outcome = verdict(Declined(code), PHONES[:1])
    assert isinstance(outcome, Refused)
    assert not outcome.of_some


def test_personal_call_refused_for_its_number_does_not_block() -> None:
    body = json.dumps(
        {"success": False, "code": 9, "errors": [entry("children[to].data")]}
    ).encode()
    assert isinstance(personal_verdict(read_single(400, {}, body), PHONES[0]), Refused)
    body = body.replace(b"[to]", b"[from]")
    assert isinstance(personal_verdict(read_single(400, {}, body), PHONES[0]), Blocked)


def test_numbers_of_an_entry_do_not_show_in_its_repr() -> None:
    line = {"phoneNumber": PHONES[1], "message": f"({PHONES[1]})"}
    body = json.dumps({"success": False, "code": 9, "errors": [line]}).encode()
    assert PHONES[1][-8:] not in repr(read_send(400, {}, body))

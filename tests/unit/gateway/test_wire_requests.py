from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest

from dispatcher.errors import InvalidPhone, InvalidRequest, UnusableInput
from dispatcher.gateway import OutgoingMessage, SendOptions
from dispatcher.gateway.smspartner.wire.account import costs_params
from dispatcher.gateway.smspartner.wire.checks import check_body
from dispatcher.gateway.smspartner.wire.options import checked_fields
from dispatcher.gateway.smspartner.wire.requests import (
    MOST_LINES,
    lines_body,
    send_body,
    survey_body,
    virtual_body,
)

BASE = {"apiKey": "k"}
A, B = "+33639980001", "+33639980002"
SUMMER = datetime(2027, 7, 1, 10, tzinfo=UTC)
EVERYTHING = SendOptions(
    sender="MaBoutique",
    tag="soldes1",
    stop=True,
    unicode=True,
    range="premium",
    sandbox=True,
    at=SUMMER,
    reports_to="https://example.org/dlr?batch=1",
    replies_to="https://example.org/replies",
)
EVERY_FIELD = {
    "apiKey": "k",
    "sender": "MaBoutique",
    "tag": "soldes1",
    "isStopSms": 1,
    "isUnicode": 1,
    "gamme": 1,
    "sandbox": 1,
    "scheduledDeliveryDate": "01/07/2027",
    "time": 12,
    "minute": 0,
    "urlDlr": "https://example.org/dlr?batch=1",
    "urlResponse": "https://example.org/replies",
}


def test_send_body_lists_numbers_without_spaces() -> None:
    made = json.loads(send_body(["06 39 98 00 01", B], "Bonjour", EVERYTHING, BASE))
    assert made == EVERY_FIELD | {"phoneNumbers": f"{A},{B}", "message": "Bonjour"}


def test_lines_body_lists_a_text_for_each_number() -> None:
    made = json.loads(
        lines_body(
            [OutgoingMessage("0639980001", "Un"), OutgoingMessage(B, "Deux")], EVERYTHING, BASE
        )
    )
    listed = [{"phoneNumber": A, "message": "Un"}, {"phoneNumber": B, "message": "Deux"}]
    assert made == EVERY_FIELD | {"SMSList": listed}


def test_unset_options_are_left_out() -> None:
    assert json.loads(send_body([A], "x", SendOptions(), BASE)) == {
        "apiKey": "k",
        "phoneNumbers": A,
        "message": "x",
    }


def test_low_cost_range_is_gamme_2() -> None:
    made = json.loads(send_body([A], "x", SendOptions(range="low-cost"), BASE))
    assert made["gamme"] == 2


def test_long_number_is_sent_without_plus() -> None:
    options = SendOptions(tag="t", stop=True, replies_to="http://127.0.0.1:8000/r", sandbox=True)
    made = json.loads(virtual_body(A, "Bonjour", "0639980009", options, BASE))
    assert made == {
        "apiKey": "k",
        "to": A,
        "from": "33639980009",
        "message": "Bonjour",
        "tag": "t",
        "isStopSms": 1,
        "sandbox": 1,
        "urlResponse": "http://127.0.0.1:8000/r",
    }


def test_survey_body_has_identifier() -> None:
    made = json.loads(survey_body([A], "a1b2", SendOptions(tag="t", at=SUMMER), BASE))
    assert made == {
        "apiKey": "k",
        "tag": "t",
        "phoneNumbers": A,
        "sondageIdent": "a1b2",
        "scheduledDeliveryDate": "01/07/2027",
        "time": 12,
        "minute": 0,
    }


def test_check_body_has_results_url() -> None:
    made = json.loads(check_body([A, B], BASE, tag="t", results_to="https://example.org/hlr"))
    assert made == {
        "apiKey": "k",
        "phoneNumbers": f"{A},{B}",
        "tag": "t",
        "notifyUrl": "https://example.org/hlr",
    }


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"sender": "ab"}, id="sender too short"),
        pytest.param({"sender": "abcdefghijkl"}, id="sender too long"),
        pytest.param({"sender": "Été"}, id="sender with an accent"),
        pytest.param({"tag": "a" * 21}, id="tag too long"),
        pytest.param({"tag": "Soldes"}, id="tag in upper case"),
        pytest.param({"tag": "les soldes"}, id="tag with a space"),
        pytest.param({"tag": "été"}, id="tag with an accent"),
        pytest.param({"tag": "t\n"}, id="tag with a line end"),
        pytest.param({"range": "gold"}, id="no such range"),
        pytest.param({"range": "low-cost", "stop": True}, id="low cost has no STOP mention"),
        pytest.param({"at": datetime(2027, 1, 1)}, id="no zone"),  # noqa: DTZ001
        pytest.param({"at": datetime(2027, 1, 1, 0, 3, tzinfo=UTC)}, id="off the grid"),
        pytest.param({"reports_to": "ftp://example.org/x"}, id="no web address"),
        pytest.param({"reports_to": "example.org/x"}, id="no scheme"),
        pytest.param({"replies_to": "https://"}, id="no host"),
        pytest.param({"replies_to": "https://[x"}, id="half an address"),
        pytest.param({"replies_to": "https://example.org/" + "x" * 500}, id="address too long"),
        pytest.param({"replies_to": "https://example.org/a\r\nb"}, id="address with a line end"),
        pytest.param({"replies_to": "https://example.org/é"}, id="address with an accent"),
    ],
)
def test_option_that_the_gateway_refuses_raises(options: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest):
        checked_fields(SendOptions(**options))


MANY = [f"+3363998{n:04d}" for n in range(MOST_LINES + 1)]
UNASKABLE: list[Any] = [
    pytest.param(lambda: send_body([], "x", SendOptions(), BASE), id="nobody"),
    pytest.param(lambda: send_body(MANY, "x", SendOptions(), BASE), id="501 numbers"),
    pytest.param(lambda: send_body([A, "0639980001"], "x", SendOptions(), BASE), id="one twice"),
    pytest.param(lambda: send_body([A], "", SendOptions(), BASE), id="no text"),
    pytest.param(lambda: send_body([A], " \n", SendOptions(), BASE), id="a blank text"),
    pytest.param(lambda: send_body([f"{A},{B}"], "x", SendOptions(), BASE), id="two in one"),
    pytest.param(
        lambda: lines_body([OutgoingMessage(A, "x"), OutgoingMessage(A, "y")], SendOptions(), BASE),
        id="a line",
    ),
    pytest.param(
        lambda: lines_body([OutgoingMessage(A, "")], SendOptions(), BASE),
        id="a line without a text",
    ),
    pytest.param(
        lambda: lines_body([OutgoingMessage("0139980001", "x")], SendOptions(), BASE),
        id="a landline",
    ),
    pytest.param(lambda: virtual_body(A, "", B, SendOptions(), BASE), id="no text from a number"),
    pytest.param(lambda: virtual_body("x", "x", B, SendOptions(), BASE), id="to nobody"),
    pytest.param(lambda: virtual_body(A, "x", "Boutique", SendOptions(), BASE), id="from a name"),
    *(
        pytest.param(lambda options=options: virtual_body(A, "x", B, options, BASE), id=name)
        for name, options in {
            "a long number takes no schedule": SendOptions(at=SUMMER),
            "a long number takes no sender": SendOptions(sender="Boutique"),
            "a long number takes no range": SendOptions(range="premium"),
            "a long number takes no Unicode": SendOptions(unicode=True),
        }.items()
    ),
    *(
        pytest.param(lambda options=options: survey_body([A], "1", options, BASE), id=name)
        for name, options in {
            "a survey takes no sender": SendOptions(sender="Boutique"),
            "a survey takes no STOP mention": SendOptions(stop=True),
            "a survey cannot be tried out": SendOptions(sandbox=True),
        }.items()
    ),
    pytest.param(lambda: survey_body([A], "", SendOptions(), BASE), id="no survey"),
    pytest.param(lambda: survey_body([A], "a\0", SendOptions(), BASE), id="no identifier"),
    pytest.param(lambda: check_body([], BASE), id="nothing to check"),
    pytest.param(lambda: check_body([A], BASE, tag="É"), id="a check's tag"),
    pytest.param(lambda: check_body([A], BASE, results_to="nowhere"), id="a check's address"),
    pytest.param(lambda: costs_params("yesterday", None, None), id="no such interval"),  # type: ignore[arg-type]
    pytest.param(lambda: costs_params("custom", None, date(2027, 1, 1)), id="half an interval"),
    pytest.param(lambda: costs_params("last_month", date(2027, 1, 1), date(2027, 1, 2)), id="both"),
    pytest.param(lambda: costs_params("custom", date(2027, 1, 2), date(2027, 1, 1)), id="inverse"),
]


@pytest.mark.parametrize("make", UNASKABLE)
def test_impossible_request_raises(make: Callable[[], object]) -> None:
    with pytest.raises((InvalidRequest, InvalidPhone)) as raised:
        make()
    assert isinstance(raised.value, UnusableInput)
    assert "63998" not in str(raised.value)


def test_five_hundred_numbers_are_accepted() -> None:
    made = json.loads(send_body(MANY[:MOST_LINES], "x", SendOptions(), BASE))
    assert made["phoneNumbers"].count(",") == MOST_LINES - 1


def test_custom_interval_has_days() -> None:
    query = costs_params("custom", date(2027, 1, 2), date(2027, 2, 28))
    assert query == {"interval": "custom", "from": "02-01-2027", "to": "28-02-2027"}
    assert costs_params("last_month", None, None) == {"interval": "last_month"}

"""Who is left out because of another campaign: the decision alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dispatcher import InvalidCampaign
from dispatcher.campaigns.evidence import AttemptEvidence
from dispatcher.campaigns.others import (
    ONLY,
    Found,
    Named,
    Other,
    Rule,
    except_of,
    is_unsure,
    judge,
    leaves_out,
    may_return,
    named_of,
    only_of,
    only_written,
    read,
    written,
)
from dispatcher.campaigns.states import CampaignState, MessageState

FIRST, SECOND = "+33639980001", "+33639980002"
S = MessageState
#: by rule: the states that leave a person out, and those of which it is not known yet
OUT = {
    Rule.EXCEPT: ({S.PENDING, S.SENT, S.DELIVERED, S.UNDELIVERED, S.UNREPORTED}, set()),
    Rule.TEXTED: (
        {*S} - {S.PENDING, S.SENT, S.DELIVERED, S.UNDELIVERED, S.UNREPORTED},
        {S.PENDING},
    ),
    Rule.DELIVERED: ({*S} - {S.PENDING, S.SENT, S.DELIVERED}, {S.PENDING, S.SENT}),
    Rule.UNDELIVERED: ({*S} - {S.PENDING, S.SENT, S.UNDELIVERED}, {S.PENDING, S.SENT}),
    Rule.SILENT: (
        {*S} - {S.PENDING, S.SENT, S.DELIVERED, S.UNDELIVERED, S.UNREPORTED},
        {S.PENDING},
    ),
}


@pytest.mark.parametrize("state", MessageState)
@pytest.mark.parametrize("rule", Rule)
def test_each_state_is_left_out_texted_or_waited_for(rule: Rule, state: MessageState) -> None:
    out, open_ones = OUT[rule]
    expected = True if state in out else None if state in open_ones else False
    assert leaves_out(rule, Found(state)) is expected


@pytest.mark.parametrize("rule", Rule)
def test_person_whom_the_other_campaign_never_had(rule: Rule) -> None:
    assert leaves_out(rule, None) is (rule is not Rule.EXCEPT)


@pytest.mark.parametrize("state", MessageState)
def test_except_leaves_out_whoever_may_have_been_texted_in_any_state(state: MessageState) -> None:
    assert leaves_out(Rule.EXCEPT, Found(state, unsure=True)) is True


@pytest.mark.parametrize("rule", [Rule.TEXTED, Rule.SILENT])
def test_only_leaves_out_who_was_given_up_in_doubt(rule: Rule) -> None:
    assert leaves_out(rule, Found(S.UNREPORTED, unsure=True)) is True


@pytest.mark.parametrize("state", [S.SENT, S.DELIVERED, S.UNDELIVERED, S.UNREPORTED])
def test_who_has_answered_is_not_silent(state: MessageState) -> None:
    assert leaves_out(Rule.SILENT, Found(state, answered=True)) is True
    assert leaves_out(Rule.TEXTED, Found(state, answered=True)) is False


@pytest.mark.parametrize("campaign", CampaignState)
@pytest.mark.parametrize("state", MessageState)
def test_refused_may_return_until_the_campaign_ends(
    state: MessageState, campaign: CampaignState
) -> None:
    going = campaign in {CampaignState.RUNNING, CampaignState.PAUSED}
    assert may_return(state, campaign) is (going and state is S.REJECTED)


def attempt(outcome: str | None, *shown: int, carried: int = 3) -> AttemptEvidence:
    """One that carried the first ``carried`` of four."""
    return AttemptEvidence(
        number=1,
        tag="tag",
        outcome=outcome,
        armed_at=datetime(2026, 11, 17, 9, tzinfo=UTC),
        carried=carried,
        covers=frozenset(range(carried)),
        shown=frozenset(shown),
    )


@pytest.mark.parametrize(
    ("made", "doubtful"),
    [
        pytest.param([], set(), id="no attempt"),
        pytest.param([attempt(None)], {0, 1, 2}, id="nobody knows"),
        pytest.param([attempt("resent")], {0, 1, 2}, id="sent again"),
        pytest.param([attempt("sent", 0)], {0, 1, 2}, id="a part shows"),
        pytest.param([attempt("sent", 0, 1, carried=2)], {0, 1}, id="all of it shows"),
        pytest.param([attempt("sent", carried=0)], set(), id="the answer rejected everybody"),
        pytest.param([attempt("not_sent"), attempt("halved")], set(), id="nothing left"),
        pytest.param([attempt("not_sent"), attempt("throttled")], {0, 1, 2}, id="one of several"),
    ],
)
def test_attempts_contradict_who_counts_as_not_texted(
    made: list[AttemptEvidence], doubtful: set[int]
) -> None:
    assert {spot for spot in range(4) if is_unsure(S.CANCELLED, spot, made)} == doubtful
    assert not any(is_unsure(S.PENDING, spot, made) for spot in range(4))


def test_unreported_person_was_texted_only_if_an_attempt_shows_it() -> None:
    made = [attempt("given_up", 0), attempt("sent", 1, carried=1)]
    assert {spot for spot in range(4) if is_unsure(S.UNREPORTED, spot, made)} == {2, 3}


def test_first_campaign_named_is_the_reason() -> None:
    others = [Other(7, Rule.EXCEPT), Other(8, Rule.EXCEPT)]
    both = {(FIRST, campaign): Found(S.SENT) for campaign in (8, 7)}
    found = judge([FIRST, SECOND], others, both | {(SECOND, 8): Found(S.PENDING)})
    assert found.left_out == {FIRST: 7, SECOND: 8}
    assert not found.unknown


def test_person_left_out_by_one_campaign_waits_for_no_other() -> None:
    others = [Other(7, Rule.DELIVERED), Other(8, Rule.EXCEPT)]
    found = judge([FIRST], others, {(FIRST, 7): Found(S.SENT), (FIRST, 8): Found(S.SENT)})
    assert (found.left_out, found.unknown) == ({FIRST: 8}, {})


def test_missing_reports_are_waited_for_longer_than_messages_to_go() -> None:
    other = [Other(7, Rule.DELIVERED)]
    reports = judge([FIRST], other, {(FIRST, 7): Found(S.SENT)})
    now = datetime(2026, 11, 17, 9, tzinfo=UTC)
    to_go = {
        (FIRST, 7): Found(S.PENDING, leaves_at=now),
        (SECOND, 7): Found(S.PENDING, leaves_at=now + timedelta(days=1)),
    }
    going = judge([FIRST, SECOND], other, to_go)
    assert reports.again(now) == now + timedelta(minutes=10)
    assert reports.why == "reports of campaign 7 are missing for 1 person"
    assert going.again(now) == now + timedelta(minutes=1)
    assert going.why == "campaign 7 may still text 2 people"
    later = judge([SECOND], other, to_go)
    assert later.again(now) == now + timedelta(minutes=10)
    assert later.why == "campaign 7 may still text 1 person"
    assert FIRST not in repr(reports)


def test_references_are_kept_in_order_once() -> None:
    assert except_of("soldes") == ("soldes",)
    assert except_of(["b", "a", "b"]) == ("b", "a")
    assert except_of(iter(())) == ()


@pytest.mark.parametrize("value", [3, None, [3], [""], b"soldes", ["a", " "], {}.keys])
def test_what_is_no_reference_is_refused(value: Any) -> None:
    with pytest.raises(InvalidCampaign, match=r"^except_campaign has references"):
        except_of(value)


def test_too_many_references_are_refused() -> None:
    with pytest.raises(InvalidCampaign, match="at most 20 references, not 21"):
        except_of(str(n) for n in range(21))


@pytest.mark.parametrize("word", ONLY)
def test_word_behind_the_last_colon_is_the_rule(word: str) -> None:
    assert only_of(f"soldes: hiver:{word}") == Named("soldes: hiver", Rule(word))


@pytest.mark.parametrize("value", ["soldes", "soldes:hiver", "soldes:", ":silent", "a:except"])
def test_reference_without_a_word_is_whole(value: str) -> None:
    assert only_of(value) == Named(value, Rule.TEXTED)


@pytest.mark.parametrize("value", ["", " ", 3, ["soldes"]])
def test_only_campaign_is_one_reference(value: Any) -> None:
    with pytest.raises(InvalidCampaign, match=r"^only_campaign has one reference"):
        only_of(value)


@pytest.mark.parametrize(
    ("excepted", "only", "says"),
    [
        (["soldes"], None, "except_campaign names the campaign itself: 'soldes'"),
        ([], "soldes:silent", "only_campaign names the campaign itself: 'soldes'"),
        (["a", "b"], "b:silent", "except_campaign and only_campaign both name 'b'"),
    ],
)
def test_names_that_leave_nobody_are_refused(
    excepted: list[str], only: str | None, says: str
) -> None:
    with pytest.raises(InvalidCampaign, match=says):
        named_of("soldes", excepted, only)


def test_row_reads_what_was_written() -> None:
    others = tuple(Other(number, rule) for number, rule in enumerate(Rule))
    assert read(written(others)) == others
    assert written(()) is None
    assert read(None) == ()


@pytest.mark.parametrize(
    ("named", "spelling"),
    [
        (Named("soldes", Rule.TEXTED), "soldes"),
        (Named("soldes", Rule.SILENT), "soldes:silent"),
        (Named("a:silent", Rule.TEXTED), "a:silent:texted"),
        (Named("a:silent", Rule.SILENT), "a:silent:silent"),
        (Named("a:b", Rule.TEXTED), "a:b"),
        (Named(":silent", Rule.TEXTED), ":silent"),
    ],
)
def test_only_campaign_has_one_spelling(named: Named, spelling: str) -> None:
    assert only_written(named) == spelling
    assert only_of(spelling) == named

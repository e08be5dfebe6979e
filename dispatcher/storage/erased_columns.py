"""Every column of text, and how a number in it is erased, or why none is in it.

The erasure itself asks here which columns it searches. A test fails for a column that is missing.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import ColumnElement
from sqlalchemy.orm import InstrumentedAttribute

from dispatcher.campaigns.states import SeriesState
from dispatcher.storage.tables import (
    Action,
    Attempt,
    Batch,
    BatchConsent,
    Budget,
    Campaign,
    CampaignTag,
    CheckOrder,
    Contact,
    Draft,
    DraftRow,
    Erasure,
    Event,
    Heartbeat,
    LeftOut,
    Lift,
    MessageChange,
    Meta,
    NumberCheck,
    Occurrence,
    OptOut,
    OptOutEvent,
    Recipient,
    Reply,
    Report,
    Seal,
    Series,
    Tester,
    UnreadCall,
)

Column = InstrumentedAttribute[Any]


class How(StrEnum):
    """What becomes of a number in a column when its owner is erased."""

    #: the column is a number: the pseudonym takes its place
    PSEUDONYM = "pseudonym"
    #: the column is a number: the person's row goes
    ROW = "row"
    #: what the person's row has there goes; in the rows of others the number is replaced
    DELETED = "deleted"
    #: a document by position: what the person's rows had goes from her own, a number from all
    WITHIN = "within"
    #: people or the gateway wrote the text: it is searched for the number in any spelling
    REPLACED = "replaced"
    #: no number is ever written there
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Rule:
    """How a number in a column is erased; ``why`` none is there, and in ``which`` rows it is."""

    how: How
    why: str = ""
    which: ColumnElement[bool] | None = None


def _never(why: str, *columns: Column) -> tuple[tuple[Column, Rule], ...]:
    return tuple((column, Rule(How.NEVER, why)) for column in columns)


def _each(how: How, *columns: Column) -> tuple[tuple[Column, Rule], ...]:
    return tuple((column, Rule(how)) for column in columns)


#: in the order in which an erasure goes through them
RULES: Final[tuple[tuple[Column, Rule], ...]] = (
    *_each(
        How.PSEUDONYM,
        Recipient.phone,
        OptOut.phone,
        OptOutEvent.phone,
        Reply.phone,
        NumberCheck.phone,
        Contact.phone,
    ),
    *_each(How.ROW, DraftRow.phone, Tester.phone, Lift.phone),
    *_each(How.REPLACED, Campaign.reference, Campaign.reason),
    *_each(
        How.REPLACED,
        *(Draft.reference, Draft.text, Draft.source, Draft.columns, Draft.options, Draft.basis),
        *(Draft.refusal, Draft.changes, Draft.author, Draft.writers, Draft.changed_by),
        *(Draft.planned_by, Draft.handed_in_by, Draft.decided_by),
        # after the reference of its draft, which may have to become another one
        *(Campaign.test_of, Tester.name, Tester.created_by),
        *(Series.author, Series.writers, Series.changed_by, Series.problem),
        Series.approved_by,
        *(Occurrence.reference, Occurrence.reason),
    ),
    # others still get the text of a campaign that runs, and of a series
    (Campaign.text, Rule(How.REPLACED, which=Campaign.ended_at.is_not(None))),
    *(
        (column, Rule(How.REPLACED, which=Series.state == SeriesState.ENDED))
        for column in (Series.text, Series.options, Series.source, Series.reading)
    ),
    *_each(
        How.REPLACED,
        Attempt.detail,
        OptOut.source,
        OptOutEvent.source,
        OptOutEvent.reason,
        OptOutEvent.actor,
        Reply.text,
        CheckOrder.actor,
        CheckOrder.detail,
        Erasure.actor,
        Erasure.reason,
    ),
    *_each(How.DELETED, Recipient.fields, Recipient.key, NumberCheck.name, NumberCheck.network),
    *_each(How.DELETED, DraftRow.fields, DraftRow.key),
    *_each(How.WITHIN, BatchConsent.consents),
    # the whole call goes
    *_each(How.DELETED, UnreadCall.body, UnreadCall.query),
    *_never(
        "masked when it is written", *(Action.actor, Action.reason), *(Lift.actor, Lift.reason)
    ),
    *_never("a pseudonym from the start", Erasure.pseudonym),
    *_never(
        "a hash: of the call, made anew with the pseudonym",
        Reply.digest,
    ),
    *_never("a hash: of the call, which goes as a whole", UnreadCall.digest),
    *_never("a hash under a key, which goes once the number is met", OptOut.digest),
    *_never(
        "a hash of a whole list, plan or entry",
        *(Campaign.fingerprint, Campaign.list_hash, Campaign.plan_fingerprint, Seal.hash),
        Draft.fingerprint,
    ),
    *_never(
        "the sender's own name, number, survey or account",
        *(Campaign.sender, Campaign.from_number, Campaign.survey, Campaign.account, Reply.sent_to),
        *(Draft.account, Series.account),
    ),
    *_never(
        "one of our own words",
        *(Campaign.state, Campaign.consent, Batch.state, Batch.territory, Batch.rule),
        *(Attempt.outcome, OptOutEvent.verb, Event.kind, Event.outcome, CheckOrder.outcome),
        *(NumberCheck.service, Action.verb, Meta.name, UnreadCall.path),
        *(Draft.state, DraftRow.territory, DraftRow.fault),
        *(Series.state, Series.missed, Occurrence.state),
    ),
    *_never(
        "a sentence of our own, with codes and hours",
        *(Batch.why, Batch.window_why, Batch.retry_why, Batch.rate_why, Batch.cap_why),
        *(Batch.others_why, Batch.pace_why, Campaign.budget_wait, UnreadCall.problem),
    ),
    *_never(
        "letters, codes, counts or ids by position",
        *(
            Batch.states,
            Batch.codes,
            Attempt.shown,
            Attempt.covers,
            LeftOut.positions,
            Campaign.others,
            Report.states,
            MessageChange.states_before,
            MessageChange.states,
            Event.counts,
            Event.opt_outs,
        ),
        *(Erasure.batches, Draft.plan),
    ),
    *_never(
        "an id that is drawn, here or at the gateway",
        *(Batch.tag, Batch.message_id, Attempt.tag, Reply.message_id, Reply.reference, Event.key),
        *(CheckOrder.tag, CheckOrder.gateway_id),
    ),
    *_never(
        "fewer digits than a number has, or it is refused",
        *(CampaignTag.tag, Series.name, Budget.tag),
    ),
    *_never("a rule of hours and days, whose parts are checked", Series.rule),
    *_never("hosts and processes", Attempt.worker, Heartbeat.name, Action.origin),
    *_never("settings, instants and keys; reasons in it are masked when written", Meta.value),
)
#: the columns that are numbers, and those of texts, with the rows in which these are replaced
NUMBERS: Final = tuple(column for column, rule in RULES if rule.how in {How.PSEUDONYM, How.ROW})
TEXTS: Final = tuple((column, rule.which) for column, rule in RULES if rule.how is How.REPLACED)

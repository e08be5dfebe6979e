"""The tables. Recipients are written once; their states are one string per batch."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, cast

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ColumnElement,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    literal,
    text,
    true,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from dispatcher.campaigns.states import BatchState, CampaignState

_Key = BigInteger().with_variant(Integer, "sqlite")
_TEN_THOUSANDTHS = 10_000


class UtcDateTime(TypeDecorator[datetime]):
    """An aware instant, kept in UTC on both databases (SQLite would give it back naive)."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _: Dialect) -> datetime | None:
        """To UTC; a naive instant raises ValueError."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive datetime cannot be stored")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, _: Dialect) -> datetime | None:
        """Aware again."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Euros(TypeDecorator[Decimal]):
    """An amount in euros, kept as a whole number of ten-thousandths so that sums are exact."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, _: Dialect) -> int | None:
        """To ten-thousandths."""
        return None if value is None else int((value * _TEN_THOUSANDTHS).to_integral_value())

    def process_result_value(self, value: Any, _: Dialect) -> Decimal | None:
        """To euros; a sum may come as a Decimal of ten-thousandths."""
        return None if value is None else Decimal(int(value)) / _TEN_THOUSANDTHS


class Base(DeclarativeBase):
    """Names every constraint, so that a migration can find it again."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {datetime: UtcDateTime, Decimal: Euros, str: Text}  # noqa: RUF012


def _one_of(column: str, states: Any) -> str:
    return f"{column} IN ({', '.join(repr(str(state)) for state in states)})"


class Campaign(Base):
    """One text to many recipients, under the caller's own reference."""

    __tablename__ = "campaign"
    __table_args__ = (
        CheckConstraint(_one_of("state", CampaignState), name="state"),
        CheckConstraint("(state = 'paused') = (reason IS NOT NULL)", name="paused_has_reason"),
        Index("ix_campaign_state", "state"),
    )

    id: Mapped[int] = mapped_column(_Key, primary_key=True)
    reference: Mapped[str] = mapped_column(unique=True)
    #: a hash of everything that was submitted, to tell a repetition from a contradiction
    fingerprint: Mapped[str]
    text: Mapped[str]
    sender: Mapped[str | None]
    commercial: Mapped[bool]
    not_before: Mapped[datetime | None]
    not_after: Mapped[datetime | None]
    state: Mapped[str]
    #: why it is paused
    reason: Mapped[str | None]
    #: rows given, and how many of them were no new recipient
    rows: Mapped[int] = mapped_column(default=0)
    duplicates: Mapped[int] = mapped_column(default=0)
    unusable: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    #: a higher one leaves first (``submission.PRIORITIES``)
    priority: Mapped[int] = mapped_column(SmallInteger, default=0, server_default="0")
    #: the credit pays for batches up to this number (0: the balance is to be read first); all
    #: when null
    funded_to: Mapped[int | None]
    #: false when a person lets it run whatever the credit
    credit_checked: Mapped[bool] = mapped_column(default=True, server_default=true())
    #: a long number of ours (E.164), or a survey: sent by a call for each person
    from_number: Mapped[str | None]
    survey: Mapped[str | None]
    #: the account at the gateway that it goes through; empty for the default account
    account: Mapped[str] = mapped_column(default="", server_default="")


class Batch(Base):
    """At most 500 messages that leave in one call."""

    __tablename__ = "batch"
    __table_args__ = (
        CheckConstraint(_one_of("state", BatchState), name="state"),
        CheckConstraint("attempt >= 0", name="attempt"),
        CheckConstraint("state <> 'sending' OR lease_until IS NOT NULL", name="sending_has_lease"),
        CheckConstraint(
            "pending + sent + delivered + undelivered + unreported + rejected + opted_out"
            " + expired + cancelled = size",
            name="nobody_lost",
        ),
        CheckConstraint("length(states) = size", name="document_has_everybody"),
        UniqueConstraint("campaign_id", "number"),
        # what waits, in the order in which a campaign's batches leave
        Index(
            "ix_batch_pending",
            "campaign_id",
            "not_before",
            "number",
            postgresql_where=text("state = 'pending'"),
            sqlite_where=text("state = 'pending'"),
        ),
        Index("ix_batch_check", "state", "check_at"),
    )

    id: Mapped[int] = mapped_column(_Key, primary_key=True)
    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaign.id"))
    #: 1, 2, … within the campaign
    number: Mapped[int]
    territory: Mapped[str]
    size: Mapped[int]
    state: Mapped[str]
    #: how often it was claimed: the fencing number that a result must name
    attempt: Mapped[int] = mapped_column(default=0)
    #: the earliest instant at which it may be claimed, and what it waits for until then
    not_before: Mapped[datetime]
    why: Mapped[str] = mapped_column(default="")
    #: the clock policy, opening hours and calendar that last judged it, with their versions
    rule: Mapped[str] = mapped_column(default="")
    #: our name at the gateway for the latest attempt
    tag: Mapped[str | None]
    lease_until: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]
    #: the gateway's id; a batch settled by tag has none
    message_id: Mapped[str | None] = mapped_column(index=True)
    #: when it is next polled (sent), looked up (in doubt) or asked for back (handed over)
    check_at: Mapped[datetime | None]
    #: how often the present state was checked, or (pending) failed to leave, in a row
    checks: Mapped[int] = mapped_column(default=0)
    #: one letter per position (``MessageState.letter``)
    states: Mapped[str]
    #: the codes of rejected positions: a JSON object, position -> the gateway's code, or one of
    #: our own, which are negative (``caps.WEEKLY_CODE``)
    codes: Mapped[str] = mapped_column(default="{}")
    segments: Mapped[int] = mapped_column(default=0)
    cost: Mapped[Decimal] = mapped_column(default=Decimal(0))
    pending: Mapped[int]
    sent: Mapped[int] = mapped_column(default=0)
    delivered: Mapped[int] = mapped_column(default=0)
    undelivered: Mapped[int] = mapped_column(default=0)
    unreported: Mapped[int] = mapped_column(default=0)
    rejected: Mapped[int] = mapped_column(default=0)
    opted_out: Mapped[int] = mapped_column(default=0)
    expired: Mapped[int] = mapped_column(default=0)
    cancelled: Mapped[int] = mapped_column(default=0)
    #: how many of the rejected have had as many messages as a week allows
    capped: Mapped[int] = mapped_column(default=0)
    #: for when a report that came in last had it polled early
    hastened_at: Mapped[datetime | None]
    #: what the whole of it should cost, at the prices set when it was planned; null without them
    planned: Mapped[Decimal | None]
    #: until when the gateway is to hold it, or holds it; null for what waits here
    leaves_at: Mapped[datetime | None]


def in_state(state: BatchState) -> ColumnElement[bool]:
    """``batch.state = …`` written out: only so can a partial index be used by a prepared query."""
    return BATCH.c.state == literal(state.value, literal_execute=True)


class Recipient(Base):
    """Whom a message is for. Written once, with its batch and by nobody else, never updated.

    A foreign key would be looked up for each of a million rows, and never find anything.
    """

    __tablename__ = "recipient"
    __table_args__ = ({"sqlite_with_rowid": False},)

    batch_id: Mapped[int] = mapped_column(_Key, primary_key=True, autoincrement=False)
    position: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    phone: Mapped[str] = mapped_column(index=True)
    #: the fields that the text uses: a JSON object, or null
    fields: Mapped[str | None]


class Attempt(Base):
    """One claim of a batch and what it came to. Append-only: the forensic record."""

    __tablename__ = "attempt"

    batch_id: Mapped[int] = mapped_column(_Key, ForeignKey("batch.id"), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    tag: Mapped[str] = mapped_column(unique=True)
    worker: Mapped[str]
    armed_at: Mapped[datetime] = mapped_column(index=True)
    ended_at: Mapped[datetime | None]
    #: what it came to; null while nobody knows
    outcome: Mapped[str | None]
    detail: Mapped[str | None]
    #: when the tag of an attempt that is thought unsent is looked up again
    check_at: Mapped[datetime | None] = mapped_column(index=True)
    checks: Mapped[int] = mapped_column(default=0)
    #: how many messages it carries, and what they cost; of what was sent, as the gateway answered
    messages: Mapped[int] = mapped_column(default=0)
    cost: Mapped[Decimal | None]


class OptOut(Base):
    """A number that said STOP. Once erased, only its hash is kept, so that it stays unsent."""

    __tablename__ = "opt_out"
    __table_args__ = (
        CheckConstraint("(phone IS NULL) <> (digest IS NULL)", name="phone_or_digest"),
    )

    id: Mapped[int] = mapped_column(_Key, primary_key=True)
    phone: Mapped[str | None] = mapped_column(unique=True)
    #: a keyed hash of an erased number
    digest: Mapped[str | None] = mapped_column(unique=True)
    source: Mapped[str]
    created_at: Mapped[datetime]


class OptOutEvent(Base):
    """What happened to an opt-out, when and why. Append-only, but for what tells of the erased."""

    __tablename__ = "opt_out_event"

    id: Mapped[int] = mapped_column(_Key, primary_key=True)
    phone: Mapped[str | None] = mapped_column(index=True)
    at: Mapped[datetime]
    verb: Mapped[str]
    source: Mapped[str]
    reason: Mapped[str] = mapped_column(default="")
    actor: Mapped[str]


class Reply(Base):
    """What a person answered, as it came in, or made whole from the parts that came in."""

    __tablename__ = "reply"

    id: Mapped[int] = mapped_column(_Key, primary_key=True)
    #: a hash of the call: the same call again is no new row
    digest: Mapped[str] = mapped_column(unique=True)
    phone: Mapped[str] = mapped_column(index=True)
    text: Mapped[str]
    stop: Mapped[bool]
    #: our long number; null for a short code
    sent_to: Mapped[str | None]
    #: the message that was answered (short code), or the reply's own id (long number)
    message_id: Mapped[str | None]
    campaign_id: Mapped[int | None] = mapped_column(_Key, ForeignKey("campaign.id"))
    #: when the gateway says that it was answered, and when we were told
    at: Mapped[datetime | None]
    received_at: Mapped[datetime] = mapped_column(index=True)
    #: which part of a long reply it is; null for a whole one
    reference: Mapped[str | None]
    number: Mapped[int | None]
    total: Mapped[int | None]
    #: the whole reply that a part went into
    whole_id: Mapped[int | None] = mapped_column(_Key, ForeignKey("reply.id"), index=True)


class Event(Base):
    """Something that happened and is told to others: who asked for it, and how far that is."""

    __tablename__ = "event"

    id: Mapped[int] = mapped_column(_Key, primary_key=True)
    #: its name outside, by which a repetition is known
    key: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str]
    at: Mapped[datetime] = mapped_column(index=True)
    campaign_id: Mapped[int | None] = mapped_column(_Key, ForeignKey("campaign.id"))
    batch_id: Mapped[int | None] = mapped_column(_Key)
    #: no foreign key: what an erased person answered is deleted
    reply_id: Mapped[int | None] = mapped_column(_Key)
    #: a JSON object of whole numbers
    counts: Mapped[str] = mapped_column(default="{}")
    #: when it is told next; null when it need not be any more
    check_at: Mapped[datetime | None] = mapped_column(index=True)
    tries: Mapped[int] = mapped_column(default=0)
    signalled: Mapped[bool] = mapped_column(default=False)
    #: what telling it came to
    outcome: Mapped[str | None]


class CheckOrder(Base):
    """An order of paid number checks: who gave it, and what became of it. It is never repeated."""

    __tablename__ = "check_order"

    id: Mapped[int] = mapped_column(_Key, primary_key=True)
    tag: Mapped[str] = mapped_column(unique=True)
    ordered_at: Mapped[datetime]
    actor: Mapped[str]
    numbers: Mapped[int]
    #: what it should cost, and what the gateway says that it does
    expected: Mapped[Decimal]
    cost: Mapped[Decimal | None]
    #: the gateway's id of it
    gateway_id: Mapped[str | None]
    #: "taken", "refused" (nothing was ordered) or "lost"; null, like the last, when nobody knows
    outcome: Mapped[str | None]
    detail: Mapped[str | None]


class NumberCheck(Base):
    """A number of which the network was asked: the latest order, and the latest answer."""

    __tablename__ = "number_check"
    __table_args__ = (Index("ix_number_check_service_at", "service", "at"),)

    phone: Mapped[str] = mapped_column(primary_key=True)
    order_id: Mapped[int] = mapped_column(_Key, ForeignKey("check_order.id"), index=True)
    ordered_at: Mapped[datetime] = mapped_column(index=True)
    #: when the network answered, by the gateway's word, and when we were told
    at: Mapped[datetime | None]
    told_at: Mapped[datetime | None]
    #: what the answer says (``checks.service``), in the network's own words, and which network
    service: Mapped[str | None]
    name: Mapped[str | None]
    network: Mapped[str | None]
    ported: Mapped[bool | None]


class Meta(Base):
    """One value of the installation itself, by name."""

    __tablename__ = "meta"

    name: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str]


class Action(Base):
    """What a person, or the dispatcher on its own, did to a campaign. Append-only."""

    __tablename__ = "action"

    id: Mapped[int] = mapped_column(_Key, primary_key=True)
    at: Mapped[datetime]
    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaign.id"), index=True)
    batch_id: Mapped[int | None] = mapped_column(_Key)
    actor: Mapped[str]
    verb: Mapped[str]
    reason: Mapped[str] = mapped_column(default="")


class Heartbeat(Base):
    """The last tick of each beat host, to tell a silent dispatcher from an idle one."""

    __tablename__ = "heartbeat"

    name: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime]


#: the tables themselves, for what every batch goes through: a query of an entity also looks
#: after objects, which takes longer than the query
CAMPAIGN, BATCH, RECIPIENT, ATTEMPT, OPT_OUT, META = (
    cast("Table", entity.__table__)
    for entity in (Campaign, Batch, Recipient, Attempt, OptOut, Meta)
)

#: one line per recipient with its state, for SQL readers and the admin
MESSAGE_VIEW = """
CREATE VIEW message AS
SELECT batch.campaign_id, recipient.batch_id, recipient.position, recipient.phone,
       CASE substr(batch.states, recipient.position + 1, 1)
            WHEN 'p' THEN CASE batch.state WHEN 'in_doubt' THEN 'in_doubt' ELSE 'pending' END
            WHEN 's' THEN 'sent'
            WHEN 'd' THEN 'delivered'
            WHEN 'u' THEN 'undelivered'
            WHEN 'n' THEN 'unreported'
            WHEN 'r' THEN 'rejected'
            WHEN 'o' THEN 'opted_out'
            WHEN 'e' THEN 'expired'
            WHEN 'c' THEN 'cancelled'
       END AS state
  FROM recipient JOIN batch ON batch.id = recipient.batch_id
"""

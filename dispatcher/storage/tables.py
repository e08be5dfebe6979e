"""The tables. Recipients are written once; their states are one string per batch."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, cast

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ColumnElement,
    DateTime,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    false,
    literal,
    text,
    true,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from dispatcher.campaigns.states import (
    BatchState,
    CampaignState,
    DraftState,
    Missed,
    OccurrenceState,
    SeriesState,
)

_Key = BigInteger().with_variant(Integer, "sqlite")
#: in which the columns of euros count
TEN_THOUSANDTHS = 10_000
#: the largest integer of both databases
LARGEST_ID = 2**63 - 1


class UtcDateTime(TypeDecorator[datetime]):
    """An aware instant, stored in UTC on both databases (SQLite alone would return it naive)."""

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
        """To an aware instant in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Day(TypeDecorator[date]):
    """A day as text in ISO 8601: a SQLite connection of Django's would convert a DATE itself."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: date | None, _: Dialect) -> str | None:
        """To text."""
        return None if value is None else value.isoformat()

    def process_result_value(self, value: str | None, _: Dialect) -> date | None:
        """To a day."""
        return None if value is None else date.fromisoformat(value)


class Euros(TypeDecorator[Decimal]):
    """An amount in euros, stored as a whole number of ten-thousandths, so that sums are exact."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, _: Dialect) -> int | None:
        """To ten-thousandths."""
        return None if value is None else int((value * TEN_THOUSANDTHS).to_integral_value())

    def process_result_value(self, value: Any, _: Dialect) -> Decimal | None:
        """To euros; PostgreSQL returns a sum of ten-thousandths as a Decimal."""
        return None if value is None else in_euros(value)


def in_euros(value: int | Decimal) -> Decimal:
    """The euros of a whole number of ten-thousandths, as a sum over ``Euros`` is."""
    return Decimal(int(value)) / TEN_THOUSANDTHS


class Base(DeclarativeBase):
    """Names every constraint, so that migrations can refer to it."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {date: Day, datetime: UtcDateTime, Decimal: Euros, str: Text}  # noqa: RUF012


def _one_of(column: str, states: Any) -> str:
    return f"{column} IN ({', '.join(repr(str(state)) for state in states)})"


class Campaign(Base):
    """One text to many recipients, under the caller's reference."""

    __tablename__ = "dispatcher_campaign"
    __table_args__ = (
        CheckConstraint(_one_of("state", CampaignState), name="state"),
        CheckConstraint("(state = 'paused') = (reason IS NOT NULL)", name="paused_has_reason"),
        Index("ix_dispatcher_campaign_state", "state", "not_after"),
        Index(
            "ix_dispatcher_campaign_unfunded",
            "state",
            postgresql_where=text("funded_to = 0"),
            sqlite_where=text("funded_to = 0"),
        ),
        # no count has the tests in it
        Index(
            "ix_dispatcher_campaign_test",
            "id",
            postgresql_where=text("test_of IS NOT NULL"),
            sqlite_where=text("test_of IS NOT NULL"),
        ),
        # a tick without a credit check asks whether there is any
        Index(
            "ix_dispatcher_campaign_limited",
            "id",
            postgresql_where=text("funded_to IS NOT NULL"),
            sqlite_where=text("funded_to IS NOT NULL"),
        ),
        Index(
            "ix_dispatcher_campaign_budget_wait",
            "id",
            postgresql_where=text("budget_wait IS NOT NULL"),
            sqlite_where=text("budget_wait IS NOT NULL"),
        ),
        Index(
            "ix_dispatcher_campaign_screened",
            "id",
            postgresql_where=text("screened_to IS NOT NULL"),
            sqlite_where=text("screened_to IS NOT NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(_Key, primary_key=True)
    reference: Mapped[str] = mapped_column(unique=True)
    #: a hash of everything that was submitted: the same again is a repetition, another a conflict
    fingerprint: Mapped[str]
    text: Mapped[str]
    sender: Mapped[str | None]
    commercial: Mapped[bool]
    not_before: Mapped[datetime | None]
    not_after: Mapped[datetime | None]
    state: Mapped[str]
    #: why it is paused
    reason: Mapped[str | None]
    #: rows of the list, and how many of them were duplicates or unusable
    rows: Mapped[int] = mapped_column(default=0)
    duplicates: Mapped[int] = mapped_column(default=0)
    unusable: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    #: a higher one leaves first (``submission.PRIORITIES``)
    priority: Mapped[int] = mapped_column(SmallInteger, default=0, server_default="0")
    #: the balance pays for batches up to this number; null: for all; 0: it must be read first
    funded_to: Mapped[int | None]
    #: false if a person lets it run whatever the balance
    credit_checked: Mapped[bool] = mapped_column(default=True, server_default=true())
    #: our long number (E.164) that sends it, or the survey that it is: one call a recipient
    from_number: Mapped[str | None]
    survey: Mapped[str | None]
    #: the account that sends it; empty for the default account
    account: Mapped[str] = mapped_column(default="", server_default="")
    #: the first batch whose recipients still have numbers; null once retention has replaced all
    numbers_from: Mapped[int | None] = mapped_column(default=1, server_default="1")
    #: ``ListDigest`` of its list, and the fingerprint of its plan; null for those stored before
    list_hash: Mapped[str | None]
    plan_fingerprint: Mapped[str | None]
    #: where its consents come from (``consent.ConsentSource``); null for nowhere
    consent: Mapped[str | None]
    #: the number of the last batch in which erased people were looked for (``storage.screening``);
    #: null once all are done
    screened_to: Mapped[int | None] = mapped_column(default=0, server_default="0")
    #: the reference of the draft that it tests; null for a campaign. No count has tests in it
    test_of: Mapped[str | None]
    #: the campaigns that it names, and whom each leaves out (``others.written``); null for none
    others: Mapped[str | None]
    #: why the budgets of its tags do not let it begin; empty: nobody has looked; null: it may leave
    budget_wait: Mapped[str | None]
    #: when they let it begin: it counts in that month; null for a campaign without tags
    budgeted_at: Mapped[datetime | None]
    #: smoothing, as it was asked for: messages an hour, or seconds; null for neither
    per_hour: Mapped[int | None]
    over_seconds: Mapped[int | None]
    #: messages an hour of a smoothed campaign; null for any other
    pace: Mapped[float | None] = mapped_column(Float)


class Pace(Base):
    """When the next batch of a smoothed campaign may be armed.

    A table of its own, because who arms a batch locks this row alone, and no row of a campaign.
    """

    __tablename__ = "dispatcher_pace"
    __table_args__ = ({"sqlite_with_rowid": False},)

    campaign_id: Mapped[int] = mapped_column(_Key, primary_key=True, autoincrement=False)
    next_at: Mapped[datetime]


class Budget(Base):
    """The most that campaigns with a tag may cost in a month."""

    __tablename__ = "dispatcher_budget"
    __table_args__ = ({"sqlite_with_rowid": False},)

    tag: Mapped[str] = mapped_column(primary_key=True)
    euros: Mapped[Decimal]


class CampaignTag(Base):
    """A word of the caller's for a campaign. A campaign has several, or none."""

    __tablename__ = "dispatcher_campaign_tag"
    __table_args__ = ({"sqlite_with_rowid": False},)

    tag: Mapped[str] = mapped_column(primary_key=True)
    campaign_id: Mapped[int] = mapped_column(
        _Key, ForeignKey("dispatcher_campaign.id"), primary_key=True, index=True
    )


class Batch(Base):
    """At most 500 messages that leave in one call."""

    __tablename__ = "dispatcher_batch"
    __table_args__ = (
        CheckConstraint(_one_of("state", BatchState), name="state"),
        CheckConstraint("attempt >= 0", name="attempt"),
        CheckConstraint("state <> 'sending' OR lease_until IS NOT NULL", name="sending_has_lease"),
        CheckConstraint(
            "pending + sent + delivered + undelivered + unreported + rejected + opted_out"
            " + withdrawn + left_out + expired + cancelled = size",
            name="nobody_lost",
        ),
        CheckConstraint("length(states) = size", name="document_has_everybody"),
        UniqueConstraint("campaign_id", "number"),
        # the pending batches of a campaign, in the order in which they leave
        Index(
            "ix_dispatcher_batch_pending",
            "campaign_id",
            "not_before",
            "number",
            postgresql_where=text("state = 'pending'"),
            sqlite_where=text("state = 'pending'"),
        ),
        Index("ix_dispatcher_batch_check", "state", "check_at"),
        # what a tick asks for: what is due, whose policy of the windows is old, what a cap holds
        *(
            Index(
                f"ix_dispatcher_batch_{name}",
                column,
                postgresql_where=text(which),
                sqlite_where=text(which),
            )
            for name, column, which in (
                ("due", "not_before", "state = 'pending'"),
                ("rule", "rule", "state = 'pending'"),
                ("cap", "cap_until", "cap_until IS NOT NULL"),
            )
        ),
        # what was spent in a period
        Index("ix_dispatcher_batch_sent_at", "sent_at"),
    )

    id: Mapped[int] = mapped_column(_Key, primary_key=True)
    campaign_id: Mapped[int] = mapped_column(ForeignKey("dispatcher_campaign.id"))
    #: 1, 2, … within the campaign
    number: Mapped[int]
    territory: Mapped[str]
    size: Mapped[int]
    state: Mapped[str]
    #: how often it was claimed: a result must name the number of its attempt (fencing)
    attempt: Mapped[int] = mapped_column(default=0)
    #: the earliest instant at which it may be claimed, and why it waits until then: while
    #: it is pending, the latest of its waits (``campaigns.waits.Wait``)
    not_before: Mapped[datetime]
    why: Mapped[str] = mapped_column(default="")
    #: the policy of the window that its ``not_before`` comes from, with the versions of its parts
    rule: Mapped[str] = mapped_column(default="")
    #: the tag of the latest attempt
    tag: Mapped[str | None]
    lease_until: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]
    #: the gateway's id; a batch settled by tag has none
    message_id: Mapped[str | None] = mapped_column(index=True)
    #: when it is next polled (sent), looked up (in doubt) or recalled (handed over)
    check_at: Mapped[datetime | None]
    #: how often it was polled or looked up in this state, or (pending) failed to leave in a row
    checks: Mapped[int] = mapped_column(default=0)
    #: one letter per position (``MessageState.letter``)
    states: Mapped[str]
    #: a JSON object, rejected position -> the gateway's code, or our own negative one
    #: (``caps.WEEKLY_CODE``, ``unreachable.UNREACHABLE_CODE``)
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
    #: how many of the rejected are at the weekly cap
    capped: Mapped[int] = mapped_column(default=0)
    #: the instant to which the latest posted report moved its next poll
    hastened_at: Mapped[datetime | None]
    #: the expected cost of the whole batch, at the prices of its plan; null without prices
    planned: Mapped[Decimal | None]
    #: until when the gateway is to hold it, or holds it; null if it waits here
    leaves_at: Mapped[datetime | None]
    #: until when each of its waits lasts, and why (``campaigns.waits.Wait``)
    window_until: Mapped[datetime | None]
    window_why: Mapped[str] = mapped_column(default="", server_default="")
    retry_until: Mapped[datetime | None]
    retry_why: Mapped[str] = mapped_column(default="", server_default="")
    rate_until: Mapped[datetime | None]
    rate_why: Mapped[str] = mapped_column(default="", server_default="")
    cap_until: Mapped[datetime | None]
    cap_why: Mapped[str] = mapped_column(default="", server_default="")
    #: how many have withdrawn their consent, as the counters above
    withdrawn: Mapped[int] = mapped_column(default=0, server_default="0")
    #: the segments of the whole batch by its plan, which ``segments`` has until the answer of the
    #: gateway; null for a batch of an earlier version
    planned_segments: Mapped[int | None]
    #: how many are left out because of another campaign, as the counters above
    left_out: Mapped[int] = mapped_column(default=0, server_default="0")
    #: the wait for what becomes of people in another campaign
    others_until: Mapped[datetime | None]
    others_why: Mapped[str] = mapped_column(default="", server_default="")
    #: how many of the rejected are at unreachable numbers
    unreachable: Mapped[int] = mapped_column(default=0, server_default="0")
    #: the wait for its own instant, in a smoothed campaign
    pace_until: Mapped[datetime | None]
    pace_why: Mapped[str] = mapped_column(default="", server_default="")
    #: of how many messages ``cost`` is; null for a batch of an earlier version (``costs.told``)
    told: Mapped[int | None] = mapped_column(default=0)
    #: how many messages are known to have left once more than they should
    copies: Mapped[int] = mapped_column(default=0, server_default="0")


def in_state(state: BatchState) -> ColumnElement[bool]:
    """``batch.state = …`` with a literal: a prepared query uses a partial index only then."""
    return BATCH.c.state == literal(state.value, literal_execute=True)


class Recipient(Base):
    """The recipient of one message. Written once, together with its batch.

    Only an erasure updates it, and retention: a pseudonym takes the place of the number. It has no
    foreign key: checking one for each of a million rows takes long, and cannot fail.
    """

    __tablename__ = "dispatcher_recipient"
    __table_args__ = ({"sqlite_with_rowid": False},)

    batch_id: Mapped[int] = mapped_column(_Key, primary_key=True, autoincrement=False)
    position: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    phone: Mapped[str] = mapped_column(index=True)
    #: a JSON object of the fields that the text uses, or null
    fields: Mapped[str | None]
    #: what the caller's application knows the person by, or null
    key: Mapped[str | None]
    #: the row of the list; null where it had none, and once the person is erased
    list_row: Mapped[int | None]


class BatchConsent(Base):
    """Which consent each message of a batch rested on. It has no foreign key, as the recipients."""

    __tablename__ = "dispatcher_batch_consent"

    batch_id: Mapped[int] = mapped_column(_Key, primary_key=True, autoincrement=False)
    #: a JSON array by position of ``[date, source, wording]``, or null (``consent.written``)
    consents: Mapped[str]


class LeftOut(Base):
    """Who of a batch is left out because of another campaign. No foreign key, as recipients."""

    __tablename__ = "dispatcher_left_out"
    __table_args__ = ({"sqlite_with_rowid": False},)

    batch_id: Mapped[int] = mapped_column(_Key, primary_key=True, autoincrement=False)
    #: the campaign because of which
    because_of: Mapped[int] = mapped_column(_Key, primary_key=True, autoincrement=False)
    people: Mapped[int]
    #: one letter per position (``evidence.written``)
    positions: Mapped[str]


class Attempt(Base):
    """One claim of a batch and its outcome. Append-only, as evidence of every send."""

    __tablename__ = "dispatcher_attempt"

    batch_id: Mapped[int] = mapped_column(_Key, ForeignKey("dispatcher_batch.id"), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    tag: Mapped[str] = mapped_column(unique=True)
    worker: Mapped[str]
    armed_at: Mapped[datetime] = mapped_column(index=True)
    ended_at: Mapped[datetime | None]
    #: null while it is unknown
    outcome: Mapped[str | None]
    detail: Mapped[str | None]
    #: when the tag of an attempt that is thought unsent is next looked up
    check_at: Mapped[datetime | None] = mapped_column(index=True)
    checks: Mapped[int] = mapped_column(default=0)
    #: how many messages it carries and their expected cost; once sent, those that the gateway named
    messages: Mapped[int] = mapped_column(default=0)
    cost: Mapped[Decimal | None]
    #: one letter per position: those that it is known to have texted (``evidence.written``); null
    #: when nothing is known, or the gateway's answer confirmed all
    shown: Mapped[str | None]
    #: one letter per position: whom it carries (``evidence.written``); null for the whole batch
    covers: Mapped[str | None]
    #: until when the gateway was asked to hold it; null if it was to leave at once
    leaves_at: Mapped[datetime | None]


class Report(Base):
    """What one look at the delivery reports of a batch brought. Append-only."""

    __tablename__ = "dispatcher_report"

    id: Mapped[int] = mapped_column(_Key, primary_key=True)
    batch_id: Mapped[int] = mapped_column(_Key, ForeignKey("dispatcher_batch.id"), index=True)
    at: Mapped[datetime]
    #: by how many each of these has grown
    delivered: Mapped[int]
    undelivered: Mapped[int]
    #: one letter per position: the state that was reported, or "-" (``message_states.reported``)
    states: Mapped[str]


class MessageChange(Base):
    """A change of the states of a batch's messages, written by a trigger (``message_trigger``).

    It has no foreign key, as recipients, whose numbers and keys it does not repeat.
    """

    __tablename__ = "dispatcher_message_change"
    __table_args__ = (
        Index(
            "ix_dispatcher_message_change_new",
            "id",
            postgresql_where=text("number IS NULL"),
            sqlite_where=text("number IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(_Key, primary_key=True)
    batch_id: Mapped[int] = mapped_column(_Key)
    #: by the clock of the database
    at: Mapped[datetime]
    #: as ``Batch.states``, with "i" for a pending message of a batch in doubt
    states_before: Mapped[str]
    states: Mapped[str]
    #: that of its last message, once it has one (``message_log``)
    number: Mapped[int | None] = mapped_column(_Key, unique=True)


class OptOut(Base):
    """A number that has opted out, or a pseudonym: an erased person stays opted out."""

    __tablename__ = "dispatcher_opt_out"
    __table_args__ = (
        CheckConstraint("(phone IS NULL) <> (digest IS NULL)", name="phone_or_digest"),
        Index(
            "ix_dispatcher_opt_out_probable",
            "created_at",
            postgresql_where=text("probable"),
            sqlite_where=text("probable"),
        ),
    )

    id: Mapped[int] = mapped_column(_Key, primary_key=True)
    phone: Mapped[str | None] = mapped_column(unique=True)
    #: the hash by which an earlier version replaced an erased number, if nobody knows the number
    digest: Mapped[str | None] = mapped_column(unique=True)
    source: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(index=True)
    #: true while a person has to decide whether it is a refusal
    probable: Mapped[bool] = mapped_column(default=False, server_default=false())


class OptOutEvent(Base):
    """A change of an opt-out. Append-only; an erasure replaces the number, and its reasons go."""

    __tablename__ = "dispatcher_opt_out_event"

    id: Mapped[int] = mapped_column(_Key, primary_key=True)
    phone: Mapped[str | None] = mapped_column(index=True)
    at: Mapped[datetime]
    verb: Mapped[str]
    source: Mapped[str]
    reason: Mapped[str] = mapped_column(default="")
    actor: Mapped[str]


class Reply(Base):
    """A reply as it was posted, or a complete reply that was joined from posted parts."""

    __tablename__ = "dispatcher_reply"

    id: Mapped[int] = mapped_column(_Key, primary_key=True)
    #: a hash of the call, so that the same call is stored once
    digest: Mapped[str] = mapped_column(unique=True)
    phone: Mapped[str] = mapped_column(index=True)
    text: Mapped[str]
    stop: Mapped[bool]
    #: our long number; null for a short code
    sent_to: Mapped[str | None]
    #: the id of the answered message (short code), or of the reply itself (long number)
    message_id: Mapped[str | None]
    campaign_id: Mapped[int | None] = mapped_column(_Key, ForeignKey("dispatcher_campaign.id"))
    #: when the person answered, by the gateway's clock, and when the call came
    at: Mapped[datetime | None]
    received_at: Mapped[datetime] = mapped_column(index=True)
    #: which part of a long reply it is; null for a complete reply
    reference: Mapped[str | None]
    number: Mapped[int | None]
    total: Mapped[int | None]
    #: the complete reply that this part belongs to
    whole_id: Mapped[int | None] = mapped_column(
        _Key, ForeignKey("dispatcher_reply.id"), index=True
    )
    #: true if it only looks like a refusal
    probable: Mapped[bool] = mapped_column(default=False, server_default=false())


class UnreadCall(Base):
    """A call to a webhook that could not be read: a person looks at it."""

    __tablename__ = "dispatcher_unread_call"

    id: Mapped[int] = mapped_column(_Key, primary_key=True)
    #: a hash of the call, so that the same call is stored once
    digest: Mapped[str] = mapped_column(unique=True)
    #: the path that it was posted to
    path: Mapped[str]
    body: Mapped[bytes] = mapped_column(LargeBinary)
    query: Mapped[str]
    problem: Mapped[str]
    received_at: Mapped[datetime] = mapped_column(index=True)


class Event(Base):
    """Something that happened, and how far its delivery to the callback and receivers is."""

    __tablename__ = "dispatcher_event"

    id: Mapped[int] = mapped_column(_Key, primary_key=True)
    #: its public id, by which receivers recognise a repeated delivery
    key: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str]
    at: Mapped[datetime] = mapped_column(index=True)
    campaign_id: Mapped[int | None] = mapped_column(_Key, ForeignKey("dispatcher_campaign.id"))
    batch_id: Mapped[int | None] = mapped_column(_Key)
    #: no foreign key, because an erasure deletes replies
    reply_id: Mapped[int | None] = mapped_column(_Key)
    #: a JSON object of whole numbers
    counts: Mapped[str] = mapped_column(default="{}")
    #: when it is next delivered; null when its delivery has ended
    check_at: Mapped[datetime | None] = mapped_column(index=True)
    tries: Mapped[int] = mapped_column(default=0)
    signalled: Mapped[bool] = mapped_column(default=False)
    #: how its delivery ended
    outcome: Mapped[str | None]
    #: a JSON array of the ids of the first new opt-outs that it is about; null for others
    opt_outs: Mapped[str | None]
    #: the series that it is about, and the start of the occurrence
    series_id: Mapped[int | None] = mapped_column(_Key)
    occurrence_at: Mapped[datetime | None]


class CheckOrder(Base):
    """An order of paid number checks and its outcome. An order is never repeated."""

    __tablename__ = "dispatcher_check_order"

    id: Mapped[int] = mapped_column(_Key, primary_key=True)
    tag: Mapped[str] = mapped_column(unique=True)
    ordered_at: Mapped[datetime]
    actor: Mapped[str]
    numbers: Mapped[int]
    #: the expected cost, and the cost that the gateway named
    expected: Mapped[Decimal]
    cost: Mapped[Decimal | None]
    #: the gateway's id of the order
    gateway_id: Mapped[str | None]
    #: "taken", "refused" or "lost"; if it is "lost" or null, the gateway may have taken it
    outcome: Mapped[str | None]
    detail: Mapped[str | None]


class NumberCheck(Base):
    """The latest order and the latest answer of one number whose network was asked."""

    __tablename__ = "dispatcher_number_check"
    __table_args__ = (Index("ix_dispatcher_number_check_service_at", "service", "at"),)

    phone: Mapped[str] = mapped_column(primary_key=True)
    order_id: Mapped[int] = mapped_column(_Key, ForeignKey("dispatcher_check_order.id"), index=True)
    ordered_at: Mapped[datetime] = mapped_column(index=True)
    #: when the network answered, by the gateway's clock, and when the call came
    at: Mapped[datetime | None]
    told_at: Mapped[datetime | None]
    #: the service (``number_checks.service``), the network's own word for it, and the network
    service: Mapped[str | None]
    name: Mapped[str | None]
    network: Mapped[str | None]
    ported: Mapped[bool | None]


class Contact(Base):
    """The last sign of life of a person, where the application names one. The newest date wins."""

    __tablename__ = "dispatcher_contact"
    __table_args__ = ({"sqlite_with_rowid": False},)

    #: a number (E.164), or the pseudonym in place of it
    phone: Mapped[str] = mapped_column(primary_key=True)
    #: the day in Paris
    at: Mapped[date]


class Meta(Base):
    """A named value of the whole installation."""

    __tablename__ = "dispatcher_meta"

    name: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str]


class Action(Base):
    """Something that a person or the dispatcher did. Append-only: a trigger refuses changes."""

    __tablename__ = "dispatcher_action"

    id: Mapped[int] = mapped_column(_Key, primary_key=True)
    at: Mapped[datetime]
    #: null for what is about no campaign, such as a setting
    campaign_id: Mapped[int | None] = mapped_column(
        ForeignKey("dispatcher_campaign.id"), index=True
    )
    batch_id: Mapped[int | None] = mapped_column(_Key)
    actor: Mapped[str]
    verb: Mapped[str]
    reason: Mapped[str] = mapped_column(default="")
    #: from where: the shell of a host, a web page, a worker; empty for old entries
    origin: Mapped[str] = mapped_column(default="", server_default="")


class Seal(Base):
    """The seal of an action: see ``campaigns.record_chain``. Append-only, as the actions are."""

    __tablename__ = "dispatcher_seal"

    number: Mapped[int] = mapped_column(_Key, primary_key=True, autoincrement=False)
    action_id: Mapped[int] = mapped_column(_Key, unique=True)
    hash: Mapped[str]


class Erasure(Base):
    """A person who was erased: the pseudonym in place of the number, and what is left to do."""

    __tablename__ = "dispatcher_erasure"

    id: Mapped[int] = mapped_column(_Key, primary_key=True)
    pseudonym: Mapped[str] = mapped_column(unique=True)
    at: Mapped[datetime]
    actor: Mapped[str]
    reason: Mapped[str]
    #: a JSON array of the ids of batches whose recipients are still to be replaced
    batches: Mapped[str]
    #: null while anything is left to do
    done_at: Mapped[datetime | None]


class Draft(Base):
    """A campaign that people write: its text and options, its plan, and who decided."""

    __tablename__ = "dispatcher_draft"
    __table_args__ = (
        CheckConstraint(_one_of("state", DraftState), name="state"),
        CheckConstraint("(state = 'submitted') = (campaign_id IS NOT NULL)", name="has_campaign"),
        # whoever has an old page open must not change another draft
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(_Key, primary_key=True)
    reference: Mapped[str] = mapped_column(unique=True)
    account: Mapped[str]
    #: counts its changes: whoever changes it names the version that it was made from
    version: Mapped[int] = mapped_column(default=1)
    state: Mapped[str]
    text: Mapped[str]
    #: a JSON object (``draft.written_options``)
    options: Mapped[str]
    #: the name of the file of its list, the rows of that, and a JSON array of its columns
    source: Mapped[str] = mapped_column(default="")
    rows: Mapped[int] = mapped_column(default=0)
    columns: Mapped[str] = mapped_column(default="[]")
    author: Mapped[str]
    #: a JSON array of everybody who has saved any of it
    writers: Mapped[str]
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime] = mapped_column(index=True)
    changed_by: Mapped[str]
    #: of its plan: a JSON object, the fingerprint, and what it rests on (``draft.basis_of``)
    plan: Mapped[str | None]
    fingerprint: Mapped[str | None]
    basis: Mapped[str] = mapped_column(default="{}")
    planned_by: Mapped[str | None]
    planned_at: Mapped[datetime | None]
    handed_in_by: Mapped[str | None]
    handed_in_at: Mapped[datetime | None]
    #: who approved or refused it; null where no approval was asked for
    decided_by: Mapped[str | None]
    decided_at: Mapped[datetime | None]
    refusal: Mapped[str] = mapped_column(default="")
    #: a JSON array of sentences: what has changed since it was planned
    changes: Mapped[str] = mapped_column(default="[]")
    campaign_id: Mapped[int | None] = mapped_column(_Key, ForeignKey("dispatcher_campaign.id"))


class DraftRow(Base):
    """A row of a draft's list, until the draft is submitted or deleted."""

    __tablename__ = "dispatcher_draft_row"
    __table_args__ = ({"sqlite_with_rowid": False},)

    draft_id: Mapped[int] = mapped_column(_Key, primary_key=True, autoincrement=False)
    position: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    #: its line in the file
    row: Mapped[int | None]
    #: E.164 if it is a number that can be texted, else as it was written
    phone: Mapped[str] = mapped_column(index=True)
    #: a JSON object of all columns
    fields: Mapped[str]
    territory: Mapped[str | None]
    key: Mapped[str | None]
    #: why it gets no message whatever its number is
    fault: Mapped[str | None]


class Tester(Base):
    """Somebody of the company who gets test messages."""

    __tablename__ = "dispatcher_tester"

    id: Mapped[int] = mapped_column(_Key, primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    phone: Mapped[str] = mapped_column(index=True)
    #: whether tests may come outside of the window
    any_hour: Mapped[bool]
    created_at: Mapped[datetime]
    created_by: Mapped[str]


class Series(Base):
    """The same text again and again: what each occurrence is made of, and when the next one is."""

    __tablename__ = "dispatcher_series"
    __table_args__ = (
        CheckConstraint(_one_of("state", SeriesState), name="state"),
        CheckConstraint(_one_of("missed", Missed), name="missed"),
        CheckConstraint("(next_at IS NULL) = (due_at IS NULL)", name="has_next"),
        CheckConstraint("state <> 'ended' OR next_at IS NULL", name="ended"),
    )

    id: Mapped[int] = mapped_column(_Key, primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    account: Mapped[str]
    #: counts what people change: an occurrence is made of the version that was read
    version: Mapped[int] = mapped_column(default=1)
    state: Mapped[str]
    #: of RFC 5545, and the day in Paris from which it counts
    rule: Mapped[str]
    since: Mapped[date]
    text: Mapped[str]
    #: a JSON object (``draft.written_options``)
    options: Mapped[str]
    #: a file, or a name in the application; and a JSON object of how it is read
    source: Mapped[str]
    reading: Mapped[str]
    #: seconds before the start when an occurrence is made, and after it when it expires
    lead: Mapped[int]
    lasts: Mapped[int | None]
    missed: Mapped[str]
    author: Mapped[str]
    #: a JSON array of everybody who has changed it
    writers: Mapped[str]
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]
    changed_by: Mapped[str]
    #: the start of the next occurrence, and when it is looked at; null once there is none
    next_at: Mapped[datetime | None]
    due_at: Mapped[datetime | None] = mapped_column(index=True)
    #: why the next occurrence could not be made yet; empty if nothing is wrong
    problem: Mapped[str] = mapped_column(default="")
    problem_at: Mapped[datetime | None]
    #: who has approved the whole series, when, and up to how much of each occurrence
    approved_by: Mapped[str | None]
    approved_at: Mapped[datetime | None]
    approved_recipients: Mapped[int | None]
    approved_euros: Mapped[Decimal | None]


class Occurrence(Base):
    """What became of one occurrence of a series. Written once."""

    __tablename__ = "dispatcher_occurrence"
    __table_args__ = (
        CheckConstraint(_one_of("state", OccurrenceState), name="state"),
        CheckConstraint("(state = 'made') = (campaign_id IS NOT NULL)", name="has_campaign"),
        {"sqlite_with_rowid": False},
    )

    series_id: Mapped[int] = mapped_column(
        _Key, ForeignKey("dispatcher_series.id"), primary_key=True, autoincrement=False
    )
    #: its start: there are no two of one series
    at: Mapped[datetime] = mapped_column(primary_key=True)
    reference: Mapped[str]
    state: Mapped[str]
    decided_at: Mapped[datetime]
    #: true if it was missed
    late: Mapped[bool]
    #: why it was skipped, or why the approval of the series does not cover it
    reason: Mapped[str] = mapped_column(default="")
    campaign_id: Mapped[int | None] = mapped_column(_Key, ForeignKey("dispatcher_campaign.id"))


class Lift(Base):
    """A person's word that a number, or somebody under a pseudonym, can be reached; the last one.

    No message that left before makes the number unreachable.
    """

    __tablename__ = "dispatcher_lift"

    phone: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(index=True)
    actor: Mapped[str]
    reason: Mapped[str]


class Heartbeat(Base):
    """The last tick of each beat: shows whether it is idle or dead."""

    __tablename__ = "dispatcher_heartbeat"

    #: host and number of a beat's process; or the host that ticked without a beat
    name: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    #: the first tick of a beat; null for a host
    since: Mapped[datetime | None]


#: the tables themselves, for the queries of every batch: a query of entities also maintains
#: objects, which takes longer than the query itself
CAMPAIGN, BATCH, RECIPIENT, CONSENTS, ATTEMPT, REPORT, OPT_OUT, META, ACTION, SEAL, ERASURE = (
    cast("Table", entity.__table__)
    for entity in (
        *(Campaign, Batch, Recipient, BatchConsent, Attempt, Report),
        *(OptOut, Meta, Action, Seal, Erasure),
    )
)
MESSAGE_CHANGE = cast("Table", MessageChange.__table__)

#: one line per recipient with its state, for SQL readers
MESSAGE_VIEW = """
CREATE VIEW dispatcher_message AS
SELECT dispatcher_batch.campaign_id, dispatcher_recipient.batch_id,
       dispatcher_recipient.position, dispatcher_recipient.phone,
       CASE substr(dispatcher_batch.states, dispatcher_recipient.position + 1, 1)
            WHEN 'p' THEN CASE dispatcher_batch.state
                               WHEN 'in_doubt' THEN 'in_doubt' ELSE 'pending' END
            WHEN 's' THEN 'sent'
            WHEN 'd' THEN 'delivered'
            WHEN 'u' THEN 'undelivered'
            WHEN 'n' THEN 'unreported'
            WHEN 'r' THEN 'rejected'
            WHEN 'o' THEN 'opted_out'
            WHEN 'w' THEN 'withdrawn'
            WHEN 'l' THEN 'left_out'
            WHEN 'e' THEN 'expired'
            WHEN 'c' THEN 'cancelled'
       END AS state, dispatcher_recipient.key
  FROM dispatcher_recipient JOIN dispatcher_batch
    ON dispatcher_batch.id = dispatcher_recipient.batch_id
"""

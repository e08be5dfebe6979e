"""the first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

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
            WHEN 'e' THEN 'expired'
            WHEN 'c' THEN 'cancelled'
       END AS state
  FROM dispatcher_recipient JOIN dispatcher_batch
    ON dispatcher_batch.id = dispatcher_recipient.batch_id
"""


def upgrade() -> None:
    op.create_table(
        "dispatcher_campaign",
        sa.Column("id", KEY, nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("sender", sa.Text(), nullable=True),
        sa.Column("commercial", sa.Boolean(), nullable=False),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=True),
        sa.Column("not_after", sa.DateTime(timezone=True), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("duplicates", sa.Integer(), nullable=False),
        sa.Column("unusable", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(state = 'paused') = (reason IS NOT NULL)",
            name=op.f("ck_dispatcher_campaign_paused_has_reason"),
        ),
        sa.CheckConstraint(
            "state IN ('running', 'paused', 'finished', 'cancelled')",
            name=op.f("ck_dispatcher_campaign_state"),
        ),
        sa.PrimaryKeyConstraint("id", name="pk_dispatcher_campaign"),
        sa.UniqueConstraint("reference", name="uq_dispatcher_campaign_reference"),
    )
    op.create_table(
        "dispatcher_heartbeat",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_dispatcher_heartbeat"),
    )
    op.create_table(
        "dispatcher_meta",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_dispatcher_meta"),
    )
    op.create_table(
        "dispatcher_opt_out",
        sa.Column("id", KEY, nullable=False),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("digest", sa.Text(), nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(phone IS NULL) <> (digest IS NULL)",
            name=op.f("ck_dispatcher_opt_out_phone_or_digest"),
        ),
        sa.PrimaryKeyConstraint("id", name="pk_dispatcher_opt_out"),
        sa.UniqueConstraint("digest", name="uq_dispatcher_opt_out_digest"),
        sa.UniqueConstraint("phone", name="uq_dispatcher_opt_out_phone"),
    )
    op.create_table(
        "dispatcher_opt_out_event",
        sa.Column("id", KEY, nullable=False),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("verb", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_dispatcher_opt_out_event"),
    )
    op.create_index("ix_dispatcher_opt_out_event_phone", "dispatcher_opt_out_event", ["phone"])

    op.create_table(
        "dispatcher_action",
        sa.Column("id", KEY, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("campaign_id", KEY, nullable=False),
        sa.Column("batch_id", KEY, nullable=True),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("verb", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["campaign_id"],
            ["dispatcher_campaign.id"],
            name="fk_dispatcher_action_campaign_id_dispatcher_campaign",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_dispatcher_action"),
    )
    op.create_index("ix_dispatcher_action_campaign_id", "dispatcher_action", ["campaign_id"])

    op.create_table(
        "dispatcher_batch",
        sa.Column("id", KEY, nullable=False),
        sa.Column("campaign_id", KEY, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("territory", sa.Text(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("not_before", sa.DateTime(timezone=True), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("tag", sa.Text(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("message_id", sa.Text(), nullable=True),
        sa.Column("check_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("checks", sa.Integer(), nullable=False),
        sa.Column("states", sa.Text(), nullable=False),
        sa.Column("codes", sa.Text(), nullable=False),
        sa.Column("segments", sa.Integer(), nullable=False),
        sa.Column("cost", sa.BigInteger(), nullable=False),
        sa.Column("pending", sa.Integer(), nullable=False),
        sa.Column("sent", sa.Integer(), nullable=False),
        sa.Column("delivered", sa.Integer(), nullable=False),
        sa.Column("undelivered", sa.Integer(), nullable=False),
        sa.Column("unreported", sa.Integer(), nullable=False),
        sa.Column("rejected", sa.Integer(), nullable=False),
        sa.Column("opted_out", sa.Integer(), nullable=False),
        sa.Column("expired", sa.Integer(), nullable=False),
        sa.Column("cancelled", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "state <> 'sending' OR lease_until IS NOT NULL",
            name=op.f("ck_dispatcher_batch_sending_has_lease"),
        ),
        sa.CheckConstraint(
            "state IN ('pending', 'sending', 'sent', 'in_doubt', 'done', 'failed', 'cancelled', 'expired')",
            name=op.f("ck_dispatcher_batch_state"),
        ),
        sa.CheckConstraint("attempt >= 0", name=op.f("ck_dispatcher_batch_attempt")),
        sa.CheckConstraint(
            "length(states) = size", name=op.f("ck_dispatcher_batch_document_has_everybody")
        ),
        sa.CheckConstraint(
            "pending + sent + delivered + undelivered + unreported + rejected + opted_out + expired + cancelled = size",
            name=op.f("ck_dispatcher_batch_nobody_lost"),
        ),
        sa.ForeignKeyConstraint(
            ["campaign_id"],
            ["dispatcher_campaign.id"],
            name="fk_dispatcher_batch_campaign_id_dispatcher_campaign",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_dispatcher_batch"),
        sa.UniqueConstraint("campaign_id", "number", name="uq_dispatcher_batch_campaign_id_number"),
    )
    op.create_index("ix_dispatcher_batch_check", "dispatcher_batch", ["state", "check_at"])
    op.create_index("ix_dispatcher_batch_due", "dispatcher_batch", ["state", "not_before"])

    op.create_table(
        "dispatcher_attempt",
        sa.Column("batch_id", KEY, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("tag", sa.Text(), nullable=False),
        sa.Column("worker", sa.Text(), nullable=False),
        sa.Column("armed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("check_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("checks", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["batch_id"],
            ["dispatcher_batch.id"],
            name="fk_dispatcher_attempt_batch_id_dispatcher_batch",
        ),
        sa.PrimaryKeyConstraint("batch_id", "number", name="pk_dispatcher_attempt"),
        sa.UniqueConstraint("tag", name="uq_dispatcher_attempt_tag"),
    )
    op.create_index("ix_dispatcher_attempt_check_at", "dispatcher_attempt", ["check_at"])

    op.create_table(
        "dispatcher_recipient",
        sa.Column("batch_id", KEY, nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("phone", sa.Text(), nullable=False),
        sa.Column("fields", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["batch_id"],
            ["dispatcher_batch.id"],
            name="fk_dispatcher_recipient_batch_id_dispatcher_batch",
        ),
        sa.PrimaryKeyConstraint("batch_id", "position", name="pk_dispatcher_recipient"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_dispatcher_recipient_phone", "dispatcher_recipient", ["phone"])
    op.execute(MESSAGE_VIEW)


def downgrade() -> None:
    op.execute("DROP VIEW dispatcher_message")
    op.drop_index("ix_dispatcher_recipient_phone", "dispatcher_recipient")

    op.drop_table("dispatcher_recipient")
    op.drop_index("ix_dispatcher_attempt_check_at", "dispatcher_attempt")

    op.drop_table("dispatcher_attempt")
    op.drop_index("ix_dispatcher_batch_due", "dispatcher_batch")
    op.drop_index("ix_dispatcher_batch_check", "dispatcher_batch")

    op.drop_table("dispatcher_batch")
    op.drop_index("ix_dispatcher_action_campaign_id", "dispatcher_action")

    op.drop_table("dispatcher_action")
    op.drop_index("ix_dispatcher_opt_out_event_phone", "dispatcher_opt_out_event")

    op.drop_table("dispatcher_opt_out_event")
    op.drop_table("dispatcher_opt_out")
    op.drop_table("dispatcher_meta")
    op.drop_table("dispatcher_heartbeat")
    op.drop_table("dispatcher_campaign")

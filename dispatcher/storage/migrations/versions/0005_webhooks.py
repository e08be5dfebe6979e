"""what the gateway posts, and what others are told: replies, early polls, events."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("dispatcher_batch", sa.Column("hastened_at", INSTANT, nullable=True))
    op.create_index("ix_dispatcher_batch_message_id", "dispatcher_batch", ["message_id"])
    op.create_table(
        "dispatcher_reply",
        sa.Column("id", KEY, nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("phone", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("stop", sa.Boolean(), nullable=False),
        sa.Column("sent_to", sa.Text(), nullable=True),
        sa.Column("message_id", sa.Text(), nullable=True),
        sa.Column("campaign_id", KEY, nullable=True),
        sa.Column("at", INSTANT, nullable=True),
        sa.Column("received_at", INSTANT, nullable=False),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("number", sa.Integer(), nullable=True),
        sa.Column("total", sa.Integer(), nullable=True),
        sa.Column("whole_id", KEY, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_dispatcher_reply"),
        sa.UniqueConstraint("digest", name="uq_dispatcher_reply_digest"),
        sa.ForeignKeyConstraint(
            ["campaign_id"],
            ["dispatcher_campaign.id"],
            name="fk_dispatcher_reply_campaign_id_dispatcher_campaign",
        ),
        sa.ForeignKeyConstraint(
            ["whole_id"],
            ["dispatcher_reply.id"],
            name="fk_dispatcher_reply_whole_id_dispatcher_reply",
        ),
    )
    op.create_index("ix_dispatcher_reply_phone", "dispatcher_reply", ["phone"])
    op.create_index("ix_dispatcher_reply_received_at", "dispatcher_reply", ["received_at"])
    op.create_table(
        "dispatcher_event",
        sa.Column("id", KEY, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("campaign_id", KEY, nullable=True),
        sa.Column("batch_id", KEY, nullable=True),
        sa.Column("reply_id", KEY, nullable=True),
        sa.Column("counts", sa.Text(), nullable=False),
        sa.Column("check_at", INSTANT, nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("signalled", sa.Boolean(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_dispatcher_event"),
        sa.UniqueConstraint("key", name="uq_dispatcher_event_key"),
        sa.ForeignKeyConstraint(
            ["campaign_id"],
            ["dispatcher_campaign.id"],
            name="fk_dispatcher_event_campaign_id_dispatcher_campaign",
        ),
    )
    op.create_index("ix_dispatcher_event_check_at", "dispatcher_event", ["check_at"])


def downgrade() -> None:
    op.drop_table("dispatcher_event")
    op.drop_table("dispatcher_reply")
    op.drop_index("ix_dispatcher_batch_message_id", table_name="dispatcher_batch")
    op.drop_column("dispatcher_batch", "hastened_at")

"""paid checks of numbers, and what finds old rows among events and replies."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "dispatcher_check_order",
        sa.Column("id", KEY, nullable=False),
        sa.Column("tag", sa.Text(), nullable=False),
        sa.Column("ordered_at", INSTANT, nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("numbers", sa.Integer(), nullable=False),
        sa.Column("expected", sa.BigInteger(), nullable=False),
        sa.Column("cost", sa.BigInteger(), nullable=True),
        sa.Column("gateway_id", sa.Text(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_dispatcher_check_order"),
        sa.UniqueConstraint("tag", name="uq_dispatcher_check_order_tag"),
    )
    op.create_table(
        "dispatcher_number_check",
        sa.Column("phone", sa.Text(), nullable=False),
        sa.Column("order_id", KEY, nullable=False),
        sa.Column("ordered_at", INSTANT, nullable=False),
        sa.Column("at", INSTANT, nullable=True),
        sa.Column("told_at", INSTANT, nullable=True),
        sa.Column("service", sa.Text(), nullable=True),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("network", sa.Text(), nullable=True),
        sa.Column("ported", sa.Boolean(), nullable=True),
        sa.PrimaryKeyConstraint("phone", name="pk_dispatcher_number_check"),
        sa.ForeignKeyConstraint(
            ["order_id"],
            ["dispatcher_check_order.id"],
            name="fk_dispatcher_number_check_order_id_dispatcher_check_order",
        ),
    )
    op.create_index("ix_dispatcher_number_check_order_id", "dispatcher_number_check", ["order_id"])
    op.create_index(
        "ix_dispatcher_number_check_ordered_at", "dispatcher_number_check", ["ordered_at"]
    )
    op.create_index(
        "ix_dispatcher_number_check_service_at", "dispatcher_number_check", ["service", "at"]
    )
    op.create_index("ix_dispatcher_event_at", "dispatcher_event", ["at"])
    op.create_index("ix_dispatcher_reply_whole_id", "dispatcher_reply", ["whole_id"])


def downgrade() -> None:
    op.drop_index("ix_dispatcher_reply_whole_id", table_name="dispatcher_reply")
    op.drop_index("ix_dispatcher_event_at", table_name="dispatcher_event")
    op.drop_table("dispatcher_number_check")
    op.drop_table("dispatcher_check_order")

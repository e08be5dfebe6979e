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
        "check_order",
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
        sa.PrimaryKeyConstraint("id", name="pk_check_order"),
        sa.UniqueConstraint("tag", name="uq_check_order_tag"),
    )
    op.create_table(
        "number_check",
        sa.Column("phone", sa.Text(), nullable=False),
        sa.Column("order_id", KEY, nullable=False),
        sa.Column("ordered_at", INSTANT, nullable=False),
        sa.Column("at", INSTANT, nullable=True),
        sa.Column("told_at", INSTANT, nullable=True),
        sa.Column("service", sa.Text(), nullable=True),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("network", sa.Text(), nullable=True),
        sa.Column("ported", sa.Boolean(), nullable=True),
        sa.PrimaryKeyConstraint("phone", name="pk_number_check"),
        sa.ForeignKeyConstraint(
            ["order_id"], ["check_order.id"], name="fk_number_check_order_id_check_order"
        ),
    )
    op.create_index("ix_number_check_order_id", "number_check", ["order_id"])
    op.create_index("ix_number_check_ordered_at", "number_check", ["ordered_at"])
    op.create_index("ix_number_check_service_at", "number_check", ["service", "at"])
    op.create_index("ix_event_at", "event", ["at"])
    op.create_index("ix_reply_whole_id", "reply", ["whole_id"])


def downgrade() -> None:
    op.drop_index("ix_reply_whole_id", table_name="reply")
    op.drop_index("ix_event_at", table_name="event")
    op.drop_table("number_check")
    op.drop_table("check_order")

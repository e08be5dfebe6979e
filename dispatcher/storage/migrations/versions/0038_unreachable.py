"""unreachable: how many were left out as unreachable, and people's word that a number arrives."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0038"
down_revision = "0036"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "dispatcher_batch",
        sa.Column("unreachable", sa.Integer(), nullable=False, server_default="0"),
    )
    op.create_table(
        "dispatcher_lift",
        sa.Column("phone", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("phone", name="pk_dispatcher_lift"),
    )
    op.create_index("ix_dispatcher_lift_at", "dispatcher_lift", ["at"])


def downgrade() -> None:
    op.drop_table("dispatcher_lift")
    op.drop_column("dispatcher_batch", "unreachable")

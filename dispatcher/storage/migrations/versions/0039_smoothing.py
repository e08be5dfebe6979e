"""smoothing: the pace of campaigns, and the instant of each of their batches."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0039"
down_revision = "0041"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    for name in ("per_hour", "over_seconds"):
        op.add_column("dispatcher_campaign", sa.Column(name, sa.Integer(), nullable=True))
    op.add_column("dispatcher_campaign", sa.Column("pace", sa.Float(), nullable=True))
    until = sa.Column("pace_until", sa.DateTime(timezone=True), nullable=True)
    op.add_column("dispatcher_batch", until)
    why = sa.Column("pace_why", sa.Text(), nullable=False, server_default="")
    op.add_column("dispatcher_batch", why)
    op.create_table(
        "dispatcher_pace",
        sa.Column("campaign_id", KEY, autoincrement=False, nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("campaign_id", name="pk_dispatcher_pace"),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    op.drop_table("dispatcher_pace")
    for name in ("pace_why", "pace_until"):
        op.drop_column("dispatcher_batch", name)
    for name in ("pace", "over_seconds", "per_hour"):
        op.drop_column("dispatcher_campaign", name)

"""what guards count."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "dispatcher_batch", sa.Column("capped", sa.Integer(), nullable=False, server_default="0")
    )
    op.add_column(
        "dispatcher_attempt",
        sa.Column("messages", sa.Integer(), nullable=False, server_default="0"),
    )
    op.add_column("dispatcher_attempt", sa.Column("cost", sa.BigInteger(), nullable=True))
    # what has left today counts, also when it did so before; its cost is the gateway's
    op.execute(
        "UPDATE dispatcher_attempt SET messages = (SELECT size FROM dispatcher_batch AS batch WHERE batch.id = batch_id),"
        " cost = (SELECT cost FROM dispatcher_batch AS batch WHERE batch.id = batch_id"
        " AND batch.attempt = dispatcher_attempt.number)"
    )
    op.create_index(
        "ix_dispatcher_attempt_armed_at", "dispatcher_attempt", ["armed_at"], unique=False
    )


def downgrade() -> None:
    op.drop_index("ix_dispatcher_attempt_armed_at", "dispatcher_attempt")
    op.drop_column("dispatcher_attempt", "cost")
    op.drop_column("dispatcher_attempt", "messages")
    op.drop_column("dispatcher_batch", "capped")

"""what guards count."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("batch", sa.Column("capped", sa.Integer(), nullable=False, server_default="0"))
    op.add_column(
        "attempt", sa.Column("messages", sa.Integer(), nullable=False, server_default="0")
    )
    op.add_column("attempt", sa.Column("cost", sa.BigInteger(), nullable=True))
    # what has left today counts, also when it did so before; its cost is the gateway's
    op.execute(
        "UPDATE attempt SET messages = (SELECT size FROM batch WHERE batch.id = attempt.batch_id),"
        " cost = (SELECT cost FROM batch WHERE batch.id = attempt.batch_id"
        " AND batch.attempt = attempt.number)"
    )
    op.create_index("ix_attempt_armed_at", "attempt", ["armed_at"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_attempt_armed_at", "attempt")
    op.drop_column("attempt", "cost")
    op.drop_column("attempt", "messages")
    op.drop_column("batch", "capped")

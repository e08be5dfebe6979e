"""until when an attempt asked the gateway to hold its batch."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "dispatcher_attempt", sa.Column("leaves_at", sa.DateTime(timezone=True), nullable=True)
    )
    op.execute(
        "UPDATE dispatcher_attempt SET leaves_at ="
        " (SELECT batch.leaves_at FROM dispatcher_batch AS batch WHERE batch.id = batch_id)"
        " WHERE batch_id IN (SELECT id FROM dispatcher_batch WHERE leaves_at IS NOT NULL)"
    )


def downgrade() -> None:
    op.drop_column("dispatcher_attempt", "leaves_at")

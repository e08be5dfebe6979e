"""priorities, and what waits in the order in which it leaves."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

PENDING = sa.text("state = 'pending'")


def upgrade() -> None:
    op.add_column(
        "dispatcher_campaign",
        sa.Column("priority", sa.SmallInteger(), server_default="0", nullable=False),
    )
    op.create_index("ix_dispatcher_campaign_state", "dispatcher_campaign", ["state"])
    op.drop_index("ix_dispatcher_batch_due", table_name="dispatcher_batch")
    op.create_index(
        "ix_dispatcher_batch_pending",
        "dispatcher_batch",
        ["campaign_id", "not_before", "number"],
        postgresql_where=PENDING,
        sqlite_where=PENDING,
    )


def downgrade() -> None:
    op.drop_index("ix_dispatcher_batch_pending", table_name="dispatcher_batch")
    op.create_index("ix_dispatcher_batch_due", "dispatcher_batch", ["state", "not_before"])
    op.drop_index("ix_dispatcher_campaign_state", table_name="dispatcher_campaign")
    op.drop_column("dispatcher_campaign", "priority")

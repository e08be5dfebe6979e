"""indexes for the questions of a tick."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

PARTIAL = (
    ("batch_due", "batch", ["not_before"], "state = 'pending'"),
    ("batch_rule", "batch", ["rule"], "state = 'pending'"),
    ("batch_cap", "batch", ["cap_until"], "cap_until IS NOT NULL"),
    ("campaign_unfunded", "campaign", ["state"], "funded_to = 0"),
)


def upgrade() -> None:
    for name, table, columns, which in PARTIAL:
        op.create_index(
            f"ix_dispatcher_{name}",
            f"dispatcher_{table}",
            columns,
            postgresql_where=sa.text(which),
            sqlite_where=sa.text(which),
        )
    by_state("state", "not_after")


def downgrade() -> None:
    by_state("state")
    for name, table, _, _ in PARTIAL:
        op.drop_index(f"ix_dispatcher_{name}", table_name=f"dispatcher_{table}")


def by_state(*columns: str) -> None:
    op.drop_index("ix_dispatcher_campaign_state", table_name="dispatcher_campaign")
    op.create_index("ix_dispatcher_campaign_state", "dispatcher_campaign", list(columns))

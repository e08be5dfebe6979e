"""budgets of campaign tags, and which campaigns wait for them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0037"
down_revision = "0038"
branch_labels = None
depends_on = None

WAITS = sa.text("budget_wait IS NOT NULL")
#: what has begun counts in its month, and goes on
BEGUN = """
UPDATE dispatcher_campaign SET budgeted_at = coalesce(
    (SELECT min(sent_at) FROM dispatcher_batch WHERE campaign_id = dispatcher_campaign.id),
    created_at
) WHERE id IN (SELECT campaign_id FROM dispatcher_campaign_tag) AND (
    ended_at IS NOT NULL OR EXISTS (
        SELECT 1 FROM dispatcher_batch
        WHERE campaign_id = dispatcher_campaign.id AND attempt > 0
    )
)
"""
#: the rest is looked at when it is due
REST = """
UPDATE dispatcher_campaign SET budget_wait = ''
WHERE budgeted_at IS NULL AND id IN (SELECT campaign_id FROM dispatcher_campaign_tag)
"""


def upgrade() -> None:
    op.create_table(
        "dispatcher_budget",
        sa.Column("tag", sa.Text(), nullable=False),
        sa.Column("euros", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tag", name="pk_dispatcher_budget"),
        sqlite_with_rowid=False,
    )
    op.add_column("dispatcher_campaign", sa.Column("budget_wait", sa.Text(), nullable=True))
    op.add_column(
        "dispatcher_campaign", sa.Column("budgeted_at", sa.DateTime(timezone=True), nullable=True)
    )
    op.create_index(
        "ix_dispatcher_campaign_budget_wait",
        "dispatcher_campaign",
        ["id"],
        postgresql_where=WAITS,
        sqlite_where=WAITS,
    )
    op.execute(BEGUN)
    op.execute(REST)


def downgrade() -> None:
    op.drop_index("ix_dispatcher_campaign_budget_wait", table_name="dispatcher_campaign")
    op.drop_column("dispatcher_campaign", "budgeted_at")
    op.drop_column("dispatcher_campaign", "budget_wait")
    op.drop_table("dispatcher_budget")

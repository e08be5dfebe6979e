"""tags of campaigns, and what the batches of a plan were to be billed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0030"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "dispatcher_campaign_tag",
        sa.Column("tag", sa.Text(), nullable=False),
        sa.Column("campaign_id", KEY, nullable=False),
        sa.ForeignKeyConstraint(
            ["campaign_id"],
            ["dispatcher_campaign.id"],
            name="fk_dispatcher_campaign_tag_campaign_id_dispatcher_campaign",
        ),
        sa.PrimaryKeyConstraint("tag", "campaign_id", name="pk_dispatcher_campaign_tag"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_dispatcher_campaign_tag_campaign_id", "dispatcher_campaign_tag", ["campaign_id"]
    )
    # null for batches that were stored before: their own count of segments stands for it
    op.add_column("dispatcher_batch", sa.Column("planned_segments", sa.Integer(), nullable=True))
    op.create_index("ix_dispatcher_batch_sent_at", "dispatcher_batch", ["sent_at"])


def downgrade() -> None:
    op.drop_index("ix_dispatcher_batch_sent_at", table_name="dispatcher_batch")
    op.drop_column("dispatcher_batch", "planned_segments")
    op.drop_table("dispatcher_campaign_tag")

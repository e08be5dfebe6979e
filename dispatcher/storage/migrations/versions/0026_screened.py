"""how far the list of a campaign is screened for erased people."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0028"
branch_labels = None
depends_on = None

WHICH = sa.text("screened_to IS NOT NULL")


def upgrade() -> None:
    op.add_column("dispatcher_campaign", sa.Column("screened_to", sa.Integer(), nullable=True))
    op.create_index(
        "ix_dispatcher_campaign_screened",
        "dispatcher_campaign",
        ["id"],
        postgresql_where=WHICH,
        sqlite_where=WHICH,
    )
    # what an earlier version stored in clear during an erasure, or after it, is found, too
    op.execute(
        "UPDATE dispatcher_campaign SET screened_to = 0"
        " WHERE EXISTS (SELECT 1 FROM dispatcher_erasure)"
    )


def downgrade() -> None:
    op.drop_index("ix_dispatcher_campaign_screened", table_name="dispatcher_campaign")
    op.drop_column("dispatcher_campaign", "screened_to")

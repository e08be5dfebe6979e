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
    # what earlier versions stored is screened, too, and what they still store during an update
    op.add_column(
        "dispatcher_campaign",
        sa.Column("screened_to", sa.Integer(), nullable=True, server_default="0"),
    )
    op.create_index(
        "ix_dispatcher_campaign_screened",
        "dispatcher_campaign",
        ["id"],
        postgresql_where=WHICH,
        sqlite_where=WHICH,
    )


def downgrade() -> None:
    op.drop_index("ix_dispatcher_campaign_screened", table_name="dispatcher_campaign")
    op.drop_column("dispatcher_campaign", "screened_to")

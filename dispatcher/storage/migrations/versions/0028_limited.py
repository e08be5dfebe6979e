"""an index of the campaigns that the balance limits."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0023"
branch_labels = None
depends_on = None

WHICH = sa.text("funded_to IS NOT NULL")


def upgrade() -> None:
    op.create_index(
        "ix_dispatcher_campaign_limited",
        "dispatcher_campaign",
        ["id"],
        postgresql_where=WHICH,
        sqlite_where=WHICH,
    )


def downgrade() -> None:
    op.drop_index("ix_dispatcher_campaign_limited", table_name="dispatcher_campaign")

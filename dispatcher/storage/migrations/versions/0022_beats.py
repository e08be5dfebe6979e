"""beats: since when each beat has ticked; the rows before are those of hosts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("dispatcher_heartbeat", sa.Column("since", sa.DateTime(timezone=True)))


def downgrade() -> None:
    op.drop_column("dispatcher_heartbeat", "since")

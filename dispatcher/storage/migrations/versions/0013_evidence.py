"""what each attempt is known to have texted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("dispatcher_attempt", sa.Column("shown", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("dispatcher_attempt", "shown")

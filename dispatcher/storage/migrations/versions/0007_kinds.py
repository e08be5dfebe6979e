"""campaigns from a long number, and surveys."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("dispatcher_campaign", sa.Column("from_number", sa.Text(), nullable=True))
    op.add_column("dispatcher_campaign", sa.Column("survey", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("dispatcher_campaign", "survey")
    op.drop_column("dispatcher_campaign", "from_number")

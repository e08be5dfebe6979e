"""keys: what the caller's application knows a recipient by."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("dispatcher_recipient", sa.Column("key", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("dispatcher_recipient", "key")

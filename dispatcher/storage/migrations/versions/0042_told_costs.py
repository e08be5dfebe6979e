"""told costs: of how many messages of a batch the gateway named the cost, and copies that left."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0042"
down_revision = "0039"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("dispatcher_batch", sa.Column("told", sa.Integer(), nullable=True))
    copies = sa.Column("copies", sa.Integer(), nullable=False, server_default="0")
    op.add_column("dispatcher_batch", copies)


def downgrade() -> None:
    op.drop_column("dispatcher_batch", "copies")
    op.drop_column("dispatcher_batch", "told")

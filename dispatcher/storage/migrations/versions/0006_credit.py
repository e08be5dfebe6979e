"""what a batch is planned to cost, and how far the credit reaches."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("dispatcher_batch", sa.Column("planned", sa.BigInteger(), nullable=True))
    op.add_column("dispatcher_campaign", sa.Column("funded_to", sa.Integer(), nullable=True))
    op.add_column(
        "dispatcher_campaign",
        sa.Column("credit_checked", sa.Boolean(), server_default=sa.true(), nullable=False),
    )


def downgrade() -> None:
    op.drop_column("dispatcher_campaign", "credit_checked")
    op.drop_column("dispatcher_campaign", "funded_to")
    op.drop_column("dispatcher_batch", "planned")

"""how far the recipients of a campaign are replaced by pseudonyms."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    column = sa.Column("numbers_from", sa.Integer(), nullable=True, server_default="1")
    op.add_column("dispatcher_campaign", column)


def downgrade() -> None:
    op.drop_column("dispatcher_campaign", "numbers_from")

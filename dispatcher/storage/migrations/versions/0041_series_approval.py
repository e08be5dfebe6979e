"""the approval of a whole series, up to a cap."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None

_SERIES = "dispatcher_series"


def upgrade() -> None:
    op.add_column(_SERIES, sa.Column("approved_by", sa.Text(), nullable=True))
    op.add_column(_SERIES, sa.Column("approved_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column(_SERIES, sa.Column("approved_recipients", sa.Integer(), nullable=True))
    op.add_column(_SERIES, sa.Column("approved_euros", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    for column in ("approved_euros", "approved_recipients", "approved_at", "approved_by"):
        op.drop_column(_SERIES, column)

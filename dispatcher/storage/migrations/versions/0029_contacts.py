"""contact: the last sign of life of people whose application names one."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0033"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "dispatcher_contact",
        sa.Column("phone", sa.Text(), nullable=False),
        sa.Column("at", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("phone", name="pk_dispatcher_contact"),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    op.drop_table("dispatcher_contact")

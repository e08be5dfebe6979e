"""reports: when each came; and the row that each recipient has in the list."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0029"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "dispatcher_report",
        sa.Column("id", KEY, nullable=False),
        sa.Column("batch_id", KEY, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("delivered", sa.Integer(), nullable=False),
        sa.Column("undelivered", sa.Integer(), nullable=False),
        sa.Column("states", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["batch_id"],
            ["dispatcher_batch.id"],
            name="fk_dispatcher_report_batch_id_dispatcher_batch",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_dispatcher_report"),
    )
    op.create_index("ix_dispatcher_report_batch_id", "dispatcher_report", ["batch_id"])
    # null for recipients that were stored before
    op.add_column("dispatcher_recipient", sa.Column("list_row", sa.Integer(), nullable=True))


def downgrade() -> None:
    op.drop_column("dispatcher_recipient", "list_row")
    op.drop_table("dispatcher_report")

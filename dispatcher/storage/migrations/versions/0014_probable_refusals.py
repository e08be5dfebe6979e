"""probable refusals, and calls to webhooks that could not be read."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    for table in ("dispatcher_opt_out", "dispatcher_reply"):
        op.add_column(
            table,
            sa.Column("probable", sa.Boolean(), nullable=False, server_default=sa.false()),
        )
    op.create_index("ix_dispatcher_opt_out_created_at", "dispatcher_opt_out", ["created_at"])
    op.create_index(
        "ix_dispatcher_opt_out_probable",
        "dispatcher_opt_out",
        ["created_at"],
        postgresql_where=sa.text("probable"),
        sqlite_where=sa.text("probable"),
    )
    op.create_table(
        "dispatcher_unread_call",
        sa.Column("id", KEY, nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("query", sa.Text(), nullable=False),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_dispatcher_unread_call"),
        sa.UniqueConstraint("digest", name="uq_dispatcher_unread_call_digest"),
    )
    op.create_index(
        "ix_dispatcher_unread_call_received_at", "dispatcher_unread_call", ["received_at"]
    )


def downgrade() -> None:
    op.drop_table("dispatcher_unread_call")
    op.drop_index("ix_dispatcher_opt_out_probable", table_name="dispatcher_opt_out")
    op.drop_index("ix_dispatcher_opt_out_created_at", table_name="dispatcher_opt_out")
    for table in ("dispatcher_reply", "dispatcher_opt_out"):
        op.drop_column(table, "probable")

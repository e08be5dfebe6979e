"""batches that the gateway holds until their hour."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

BEFORE = "'pending', 'sending', 'sent', 'in_doubt', 'done', 'failed', 'cancelled', 'expired'"
AFTER = BEFORE.replace("'sent'", "'handed_over', 'sent'")


def upgrade() -> None:
    op.add_column(
        "dispatcher_batch", sa.Column("leaves_at", sa.DateTime(timezone=True), nullable=True)
    )
    allow(AFTER, instead_of=BEFORE)


def downgrade() -> None:
    # what the gateway holds will leave, and is polled; its hour is known to nobody then
    op.execute(
        "UPDATE dispatcher_batch SET state = 'sent', states = replace(states, 'p', 's'),"
        " sent = sent + pending, pending = 0, check_at = leaves_at WHERE state = 'handed_over'"
    )
    allow(BEFORE, instead_of=AFTER)
    op.drop_column("dispatcher_batch", "leaves_at")


def allow(states: str, *, instead_of: str) -> None:
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        op.drop_constraint(op.f("ck_dispatcher_batch_state"), "dispatcher_batch", type_="check")
        op.create_check_constraint(
            op.f("ck_dispatcher_batch_state"), "dispatcher_batch", f"state IN ({states})"
        )
        return
    # SQLite can change no constraint but by its schema's text, which its manual describes: the
    # rows need not be written anew, and what refers to the table stays
    version = connection.scalar(sa.text("PRAGMA schema_version"))
    connection.execute(sa.text("PRAGMA writable_schema = ON"))
    connection.execute(
        sa.text(
            "UPDATE sqlite_master SET sql = replace(sql, :old, :new) WHERE name = 'dispatcher_batch'"
        ),
        {"old": f"state IN ({instead_of})", "new": f"state IN ({states})"},
    )
    connection.execute(sa.text(f"PRAGMA schema_version = {version + 1}"))
    connection.execute(sa.text("PRAGMA writable_schema = RESET"))

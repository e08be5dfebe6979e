"""no foreign key on recipients."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

KEY = "fk_dispatcher_recipient_batch_id_dispatcher_batch"
# SQLite cannot drop a constraint: the table is written anew
TABLE = """
CREATE TABLE recipient_new (
    batch_id INTEGER NOT NULL,
    position INTEGER NOT NULL,
    phone TEXT NOT NULL,
    fields TEXT,
    CONSTRAINT pk_dispatcher_recipient PRIMARY KEY (batch_id, position){key}
) WITHOUT ROWID
"""


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.drop_constraint(KEY, "dispatcher_recipient", type_="foreignkey")
    else:
        rewrite("")


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.create_foreign_key(KEY, "dispatcher_recipient", "dispatcher_batch", ["batch_id"], ["id"])
    else:
        rewrite(f", CONSTRAINT {KEY} FOREIGN KEY(batch_id) REFERENCES dispatcher_batch (id)")


def rewrite(key: str) -> None:
    view = op.get_bind().scalar(
        sa.text("SELECT sql FROM sqlite_master WHERE name = 'dispatcher_message'")
    )
    op.execute("DROP VIEW dispatcher_message")
    op.execute(TABLE.format(key=key))
    op.execute(
        "INSERT INTO recipient_new SELECT batch_id, position, phone, fields FROM dispatcher_recipient"
    )
    op.drop_table("dispatcher_recipient")
    op.rename_table("recipient_new", "dispatcher_recipient")
    op.create_index("ix_dispatcher_recipient_phone", "dispatcher_recipient", ["phone"])
    op.execute(view)

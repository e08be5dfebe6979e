"""the log of what became of messages."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0040"
down_revision = "0037"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
NEW = sa.text("number IS NULL")
NAME = "dispatcher_note_message_change"
#: the trigger itself is there only while somebody wants the log (``storage.message_trigger``)
FUNCTION = """
CREATE OR REPLACE FUNCTION dispatcher_note_message_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO dispatcher_message_change (batch_id, at, states_before, states)
    VALUES (NEW.id, clock_timestamp(),
            CASE OLD.state WHEN 'in_doubt' THEN replace(OLD.states, 'p', 'i') ELSE OLD.states END,
            CASE NEW.state WHEN 'in_doubt' THEN replace(NEW.states, 'p', 'i') ELSE NEW.states END);
    RETURN NULL;
END $$
"""


def upgrade() -> None:
    op.create_table(
        "dispatcher_message_change",
        sa.Column("id", KEY, nullable=False),
        sa.Column("batch_id", KEY, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("states_before", sa.Text(), nullable=False),
        sa.Column("states", sa.Text(), nullable=False),
        sa.Column("number", KEY, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_dispatcher_message_change"),
        sa.UniqueConstraint("number", name="uq_dispatcher_message_change_number"),
    )
    op.create_index(
        "ix_dispatcher_message_change_new",
        "dispatcher_message_change",
        ["id"],
        postgresql_where=NEW,
        sqlite_where=NEW,
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute(FUNCTION)


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"DROP FUNCTION {NAME} CASCADE")
    else:
        op.execute(f"DROP TRIGGER IF EXISTS {NAME}")
    op.execute("DELETE FROM dispatcher_meta WHERE name = 'message_log'")
    op.drop_table("dispatcher_message_change")

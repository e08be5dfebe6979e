"""the record of actions is sealed, append-only, and about more than campaigns."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from dispatcher.masking import masked

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TABLES = ("dispatcher_action", "dispatcher_seal")
#: SQLite has no roles: whoever can write to the file could drop a trigger, too. Only the owner
#: can truncate, and the seals show it.
FUNCTION = """
CREATE OR REPLACE FUNCTION dispatcher_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the record of actions is append-only';
END $$
"""
TRIGGER = """
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON {table}
FOR EACH STATEMENT EXECUTE FUNCTION dispatcher_append_only()
"""


def upgrade() -> None:
    with op.batch_alter_table("dispatcher_action") as table:
        table.alter_column("campaign_id", existing_type=sa.BigInteger(), nullable=True)
        table.add_column(sa.Column("origin", sa.Text(), nullable=False, server_default=""))
    op.create_table(
        "dispatcher_seal",
        sa.Column("number", KEY, autoincrement=False, nullable=False),
        sa.Column("action_id", KEY, nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_dispatcher_seal"),
        sa.UniqueConstraint("action_id", name="uq_dispatcher_seal_action_id"),
    )
    _mask()
    if op.get_bind().dialect.name == "postgresql":
        op.execute(FUNCTION)
        for name in TABLES:
            op.execute(TRIGGER.format(table=name))


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION dispatcher_append_only CASCADE")
    op.drop_table("dispatcher_seal")
    op.execute("DELETE FROM dispatcher_meta WHERE name = 'record_head'")
    op.execute("DELETE FROM dispatcher_action WHERE campaign_id IS NULL")
    with op.batch_alter_table("dispatcher_action") as table:
        table.drop_column("origin")
        table.alter_column("campaign_id", existing_type=sa.BigInteger(), nullable=False)


def _mask() -> None:
    """Mask the numbers in what was written before: an entry can never be changed later."""
    action = sa.table("dispatcher_action", sa.column("id"), sa.column("actor"), sa.column("reason"))
    bind = op.get_bind()
    for entry, *words in bind.execute(sa.select(action)).all():
        actor, reason = map(masked, words)
        if [actor, reason] != words:
            mine = sa.update(action).where(action.c.id == entry)
            bind.execute(mine.values(actor=actor, reason=reason))

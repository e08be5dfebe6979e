"""others: campaigns that a campaign names, and who is left out because of them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
BEFORE = (
    "pending + sent + delivered + undelivered + unreported + rejected + opted_out"
    " + withdrawn + expired + cancelled = size"
)
AFTER = BEFORE.replace("withdrawn", "withdrawn + left_out")
_OLD = "WHEN 'w' THEN 'withdrawn'"
_NEW = f"{_OLD}\n            WHEN 'l' THEN 'left_out'"
VIEW = """
CREATE VIEW dispatcher_message AS
SELECT dispatcher_batch.campaign_id, dispatcher_recipient.batch_id,
       dispatcher_recipient.position, dispatcher_recipient.phone,
       CASE substr(dispatcher_batch.states, dispatcher_recipient.position + 1, 1)
            WHEN 'p' THEN CASE dispatcher_batch.state
                               WHEN 'in_doubt' THEN 'in_doubt' ELSE 'pending' END
            WHEN 's' THEN 'sent'
            WHEN 'd' THEN 'delivered'
            WHEN 'u' THEN 'undelivered'
            WHEN 'n' THEN 'unreported'
            WHEN 'r' THEN 'rejected'
            WHEN 'o' THEN 'opted_out'
            WHEN 'w' THEN 'withdrawn'
            WHEN 'e' THEN 'expired'
            WHEN 'c' THEN 'cancelled'
       END AS state, dispatcher_recipient.key
  FROM dispatcher_recipient JOIN dispatcher_batch
    ON dispatcher_batch.id = dispatcher_recipient.batch_id
"""


def upgrade() -> None:
    op.add_column("dispatcher_campaign", sa.Column("others", sa.Text(), nullable=True))
    for column in (
        sa.Column("left_out", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("others_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("others_why", sa.Text(), nullable=False, server_default=""),
    ):
        op.add_column("dispatcher_batch", column)
    _count(AFTER, instead_of=BEFORE)
    _show(VIEW.replace(_OLD, _NEW))
    op.create_table(
        "dispatcher_left_out",
        sa.Column("batch_id", KEY, autoincrement=False, nullable=False),
        sa.Column("because_of", KEY, autoincrement=False, nullable=False),
        sa.Column("people", sa.Integer(), nullable=False),
        sa.Column("positions", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("batch_id", "because_of", name="pk_dispatcher_left_out"),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    op.drop_table("dispatcher_left_out")
    # an earlier version takes them for cancelled: nothing was sent to them, and nothing will be
    op.execute(
        "UPDATE dispatcher_batch SET states = replace(states, 'l', 'c'),"
        " cancelled = cancelled + left_out, left_out = 0 WHERE left_out > 0"
    )
    _show(VIEW)
    _count(BEFORE, instead_of=AFTER)
    for name in ("others_why", "others_until", "left_out"):
        op.drop_column("dispatcher_batch", name)
    op.drop_column("dispatcher_campaign", "others")


def _show(view: str) -> None:
    if op.get_bind().dialect.name == "postgresql":  # its grants stay
        op.execute(view.replace("CREATE", "CREATE OR REPLACE"))
        return
    op.execute("DROP VIEW dispatcher_message")
    op.execute(view)


def _count(sums: str, *, instead_of: str) -> None:
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        name = op.f("ck_dispatcher_batch_nobody_lost")
        op.drop_constraint(name, "dispatcher_batch", type_="check")
        op.create_check_constraint(name, "dispatcher_batch", sums)
        return
    # as in revision 0010: the rows need not be written anew
    version = connection.scalar(sa.text("PRAGMA schema_version"))
    connection.execute(sa.text("PRAGMA writable_schema = ON"))
    connection.execute(
        sa.text(
            "UPDATE sqlite_master SET sql = replace(sql, :old, :new) WHERE name = 'dispatcher_batch'"
        ),
        {"old": instead_of, "new": sums},
    )
    connection.execute(sa.text(f"PRAGMA schema_version = {version + 1}"))
    connection.execute(sa.text("PRAGMA writable_schema = RESET"))

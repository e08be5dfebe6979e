"""consent: its source, who has withdrawn, and which consent each message rested on."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0025"
branch_labels = None
depends_on = None

BEFORE = (
    "pending + sent + delivered + undelivered + unreported + rejected + opted_out"
    " + expired + cancelled = size"
)
AFTER = BEFORE.replace("opted_out", "opted_out + withdrawn")
_OLD = "WHEN 'o' THEN 'opted_out'"
_NEW = f"{_OLD}\n            WHEN 'w' THEN 'withdrawn'"
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
            WHEN 'e' THEN 'expired'
            WHEN 'c' THEN 'cancelled'
       END AS state
  FROM dispatcher_recipient JOIN dispatcher_batch
    ON dispatcher_batch.id = dispatcher_recipient.batch_id
"""


def upgrade() -> None:
    op.add_column("dispatcher_campaign", sa.Column("consent", sa.Text(), nullable=True))
    op.add_column(
        "dispatcher_batch",
        sa.Column("withdrawn", sa.Integer(), nullable=False, server_default="0"),
    )
    _count(AFTER, instead_of=BEFORE)
    _show(VIEW.replace(_OLD, _NEW))
    op.create_table(
        "dispatcher_batch_consent",
        sa.Column(
            "batch_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("consents", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("batch_id", name="pk_dispatcher_batch_consent"),
    )


def downgrade() -> None:
    op.drop_table("dispatcher_batch_consent")
    op.execute(
        "UPDATE dispatcher_batch SET states = replace(states, 'w', 'o'),"
        " opted_out = opted_out + withdrawn, withdrawn = 0 WHERE withdrawn > 0"
    )
    _show(VIEW)
    _count(BEFORE, instead_of=AFTER)
    op.drop_column("dispatcher_batch", "withdrawn")
    op.drop_column("dispatcher_campaign", "consent")


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

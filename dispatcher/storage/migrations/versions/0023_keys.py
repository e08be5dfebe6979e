"""keys: what the caller's application knows a recipient by, and whom an event is about."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0024"
branch_labels = None
depends_on = None

_STATE = "END AS state"
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
       END AS state
  FROM dispatcher_recipient JOIN dispatcher_batch
    ON dispatcher_batch.id = dispatcher_recipient.batch_id
"""


def upgrade() -> None:
    op.add_column("dispatcher_recipient", sa.Column("key", sa.Text(), nullable=True))
    op.add_column("dispatcher_event", sa.Column("opt_outs", sa.Text(), nullable=True))
    view = VIEW.replace(_STATE, f"{_STATE}, dispatcher_recipient.key")
    if op.get_bind().dialect.name == "postgresql":  # its grants stay
        op.execute(view.replace("CREATE", "CREATE OR REPLACE"))
        return
    op.execute("DROP VIEW dispatcher_message")
    op.execute(view)


def downgrade() -> None:
    op.execute("DROP VIEW dispatcher_message")
    op.drop_column("dispatcher_event", "opt_outs")
    op.drop_column("dispatcher_recipient", "key")
    op.execute(VIEW)

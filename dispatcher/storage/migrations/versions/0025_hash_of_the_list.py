"""the hash of a campaign's list, and the fingerprint of its plan, which no row tells later."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0022"
branch_labels = None
depends_on = None

_COLUMNS = ("list_hash", "plan_fingerprint")


def upgrade() -> None:
    for name in _COLUMNS:
        op.add_column("dispatcher_campaign", sa.Column(name, sa.Text(), nullable=True))


def downgrade() -> None:
    for name in _COLUMNS:
        op.drop_column("dispatcher_campaign", name)

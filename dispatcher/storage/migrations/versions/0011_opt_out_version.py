"""the version of the opt-out list exists before the first opt-out."""

from __future__ import annotations

import secrets

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.get_bind().execute(
        sa.text(
            "INSERT INTO dispatcher_meta (name, value) VALUES ('opt_outs_version', :value)"
            " ON CONFLICT (name) DO NOTHING"
        ),
        {"value": secrets.token_hex(8)},
    )


def downgrade() -> None:
    # the version of before does with the row what it did with one of its own
    pass

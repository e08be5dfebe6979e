"""the prefix of the tables.

``unprefixed.rename`` has renamed older tables before the revisions run, which all use the prefix.
The new number makes workers of an older version stop.
"""

from __future__ import annotations

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass

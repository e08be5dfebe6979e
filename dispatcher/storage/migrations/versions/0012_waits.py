"""each wait of a batch has columns of its own."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

WAITS = ("window", "retry", "rate", "cap")


def upgrade() -> None:
    for wait in WAITS:
        until = sa.Column(f"{wait}_until", sa.DateTime(timezone=True), nullable=True)
        op.add_column("dispatcher_batch", until)
        op.add_column(
            "dispatcher_batch",
            sa.Column(f"{wait}_why", sa.Text(), nullable=False, server_default=""),
        )
    # the reason tells which wait it is; failures in a row are counted in ``checks``
    # a window opens at a full minute, and a retry is some seconds after a failure
    on_sqlite = op.get_bind().dialect.name == "sqlite"
    second = "substr(not_before, 18)" if on_sqlite else "to_char(not_before, 'SS.US')"
    opening = f"(rule <> '' AND {second} = '00.000000')"
    owned = {
        "cap": "why LIKE 'daily cap of %'",
        "rate": "why = 'rate limit'",
        "retry": f"checks > 0 AND NOT {opening}",
        "window": "1 = 1",
    }
    free = "state IN ('pending', 'sending')"
    for wait, owns in owned.items():
        none = " AND ".join(f"{one}_until IS NULL" for one in WAITS)
        op.execute(
            f"UPDATE dispatcher_batch SET {wait}_until = not_before, {wait}_why = why"  # noqa: S608
            f" WHERE {free} AND {none} AND {owns}"
        )


def downgrade() -> None:
    for wait in WAITS:
        op.drop_column("dispatcher_batch", f"{wait}_why")
        op.drop_column("dispatcher_batch", f"{wait}_until")

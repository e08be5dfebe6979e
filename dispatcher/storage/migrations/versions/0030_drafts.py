"""drafts with their lists, testers, and which campaigns are tests."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0026"
branch_labels = None
depends_on = None

_STATES = "state IN ('draft', 'planned', 'handed_in', 'submitted')"
_TESTS = sa.text("test_of IS NOT NULL")


def _key() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _instant() -> sa.DateTime:
    return sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("dispatcher_campaign", sa.Column("test_of", sa.Text(), nullable=True))
    op.create_index(
        "ix_dispatcher_campaign_test",
        "dispatcher_campaign",
        ["id"],
        postgresql_where=_TESTS,
        sqlite_where=_TESTS,
    )
    op.create_table(
        "dispatcher_draft",
        sa.Column("id", _key(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("reference", "account")),
        sa.Column("version", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("state", "text", "options")),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("columns", "author", "writers")),
        *(sa.Column(name, _instant(), nullable=False) for name in ("created_at", "changed_at")),
        sa.Column("changed_by", sa.Text(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=True) for name in ("plan", "fingerprint")),
        sa.Column("basis", sa.Text(), nullable=False),
        *(
            column
            for verb in ("planned", "handed_in", "decided")
            for column in (
                sa.Column(f"{verb}_by", sa.Text(), nullable=True),
                sa.Column(f"{verb}_at", _instant(), nullable=True),
            )
        ),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("refusal", "changes")),
        sa.Column("campaign_id", _key(), nullable=True),
        sa.CheckConstraint(_STATES, name=op.f("ck_dispatcher_draft_state")),
        sa.CheckConstraint(
            "(state = 'submitted') = (campaign_id IS NOT NULL)",
            name=op.f("ck_dispatcher_draft_has_campaign"),
        ),
        sa.ForeignKeyConstraint(
            ["campaign_id"],
            ["dispatcher_campaign.id"],
            name="fk_dispatcher_draft_campaign_id_dispatcher_campaign",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_dispatcher_draft"),
        sa.UniqueConstraint("reference", name="uq_dispatcher_draft_reference"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_dispatcher_draft_changed_at", "dispatcher_draft", ["changed_at"])
    op.create_table(
        "dispatcher_draft_row",
        sa.Column("draft_id", _key(), autoincrement=False, nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("row", sa.Integer(), nullable=True),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("phone", "fields")),
        *(sa.Column(name, sa.Text(), nullable=True) for name in ("territory", "key", "fault")),
        sa.PrimaryKeyConstraint("draft_id", "position", name="pk_dispatcher_draft_row"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_dispatcher_draft_row_phone", "dispatcher_draft_row", ["phone"])
    op.create_table(
        "dispatcher_tester",
        sa.Column("id", _key(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("name", "phone")),
        sa.Column("any_hour", sa.Boolean(), nullable=False),
        sa.Column("created_at", _instant(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_dispatcher_tester"),
        sa.UniqueConstraint("name", name="uq_dispatcher_tester_name"),
    )
    op.create_index("ix_dispatcher_tester_phone", "dispatcher_tester", ["phone"])


def downgrade() -> None:
    for table in ("tester", "draft_row", "draft"):
        op.drop_table(f"dispatcher_{table}")
    op.drop_index("ix_dispatcher_campaign_test", table_name="dispatcher_campaign")
    op.drop_column("dispatcher_campaign", "test_of")

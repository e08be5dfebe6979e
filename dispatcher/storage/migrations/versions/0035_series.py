"""series and their occurrences, and the series that an event is about."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None


def _key() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _texts(*names: str, nullable: bool = False) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.Text(), nullable=nullable) for name in names]


def _instants(*names: str, nullable: bool = False) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.DateTime(timezone=True), nullable=nullable) for name in names]


def upgrade() -> None:
    op.add_column("dispatcher_event", sa.Column("series_id", _key(), nullable=True))
    op.add_column(
        "dispatcher_event", sa.Column("occurrence_at", sa.DateTime(timezone=True), nullable=True)
    )
    op.create_table(
        "dispatcher_series",
        sa.Column("id", _key(), nullable=False),
        *_texts("name", "account"),
        sa.Column("version", sa.Integer(), nullable=False),
        *_texts("state", "rule", "since", "text", "options", "source", "reading"),
        sa.Column("lead", sa.Integer(), nullable=False),
        sa.Column("lasts", sa.Integer(), nullable=True),
        *_texts("missed", "author", "writers"),
        *_instants("created_at", "changed_at"),
        *_texts("changed_by"),
        *_instants("next_at", "due_at", nullable=True),
        *_texts("problem"),
        *_instants("problem_at", nullable=True),
        sa.CheckConstraint(
            "state IN ('running', 'paused', 'ended')", name=op.f("ck_dispatcher_series_state")
        ),
        sa.CheckConstraint("missed IN ('late', 'skip')", name=op.f("ck_dispatcher_series_missed")),
        sa.CheckConstraint(
            "(next_at IS NULL) = (due_at IS NULL)", name=op.f("ck_dispatcher_series_has_next")
        ),
        sa.CheckConstraint(
            "state <> 'ended' OR next_at IS NULL", name=op.f("ck_dispatcher_series_ended")
        ),
        sa.PrimaryKeyConstraint("id", name="pk_dispatcher_series"),
        sa.UniqueConstraint("name", name="uq_dispatcher_series_name"),
    )
    op.create_index("ix_dispatcher_series_due_at", "dispatcher_series", ["due_at"])
    op.create_table(
        "dispatcher_occurrence",
        sa.Column("series_id", _key(), autoincrement=False, nullable=False),
        *_instants("at"),
        *_texts("reference", "state"),
        *_instants("decided_at"),
        sa.Column("late", sa.Boolean(), nullable=False),
        *_texts("reason"),
        sa.Column("campaign_id", _key(), nullable=True),
        sa.CheckConstraint(
            "state IN ('made', 'handed_in', 'skipped')", name=op.f("ck_dispatcher_occurrence_state")
        ),
        sa.CheckConstraint(
            "(state = 'made') = (campaign_id IS NOT NULL)",
            name=op.f("ck_dispatcher_occurrence_has_campaign"),
        ),
        sa.ForeignKeyConstraint(
            ["series_id"],
            ["dispatcher_series.id"],
            name="fk_dispatcher_occurrence_series_id_dispatcher_series",
        ),
        sa.ForeignKeyConstraint(
            ["campaign_id"],
            ["dispatcher_campaign.id"],
            name="fk_dispatcher_occurrence_campaign_id_dispatcher_campaign",
        ),
        sa.PrimaryKeyConstraint("series_id", "at", name="pk_dispatcher_occurrence"),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    op.drop_table("dispatcher_occurrence")
    op.drop_table("dispatcher_series")
    for column in ("occurrence_at", "series_id"):
        op.drop_column("dispatcher_event", column)

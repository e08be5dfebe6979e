"""Runs migrations on the connection that ``storage.schema`` hands over."""

from __future__ import annotations

from alembic import context

from dispatcher.storage.schema import VERSION_TABLE
from dispatcher.storage.tables import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    version_table=VERSION_TABLE,
    render_as_batch=True,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()

"""The condition on a state of a batch, as statements hold it."""

from __future__ import annotations

from sqlalchemy import create_engine, or_, select

from dispatcher.campaigns.states import BatchState
from dispatcher.storage.tables import BATCH, in_state


def test_condition_that_stands_twice_in_a_statement_has_its_own_values_both_times() -> None:
    """Before SQLAlchemy 2.0.23 every place had the value of the last one."""
    wanted = or_(in_state(BatchState.HANDED_OVER), in_state(BatchState.SENDING))
    query = select(BATCH.c.id).where(BATCH.c.id.in_(select(BATCH.c.id).where(wanted)), wanted)
    engine = create_engine("sqlite://")

    compiled = str(query.compile(engine, compile_kwargs={"render_postcompile": True}))

    engine.dispose()
    for state in ("handed_over", "sending"):
        assert compiled.count(f"state = '{state}'") == 2, compiled

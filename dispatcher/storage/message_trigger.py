"""The trigger that writes the log of messages, which is there only while somebody wants the log.

Whatever changes the states of messages changes a row of ``batch``, and so comes through here. A
trigger that is not there costs nothing.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import text
from sqlalchemy.orm import Session

NAME: Final = "dispatcher_note_message_change"
#: how long PostgreSQL waits for the lock of the table
_PATIENCE: Final = "300ms"
#: its function is made by a migration, which takes more rights than to make a trigger
_POSTGRESQL: Final = """
CREATE TRIGGER dispatcher_note_message_change AFTER UPDATE OF state, states ON dispatcher_batch
FOR EACH ROW
WHEN (OLD.states <> NEW.states OR (OLD.state = 'in_doubt') <> (NEW.state = 'in_doubt'))
EXECUTE FUNCTION dispatcher_note_message_change()
"""
#: as that function; the instant with microseconds, as others are stored
_SQLITE: Final = """
CREATE TRIGGER dispatcher_note_message_change AFTER UPDATE OF state, states ON dispatcher_batch
FOR EACH ROW
WHEN OLD.states <> NEW.states OR (OLD.state = 'in_doubt') <> (NEW.state = 'in_doubt')
BEGIN
INSERT INTO dispatcher_message_change (batch_id, at, states_before, states)
VALUES (NEW.id, strftime('%Y-%m-%d %H:%M:%f000', 'now'),
        CASE OLD.state WHEN 'in_doubt' THEN replace(OLD.states, 'p', 'i') ELSE OLD.states END,
        CASE NEW.state WHEN 'in_doubt' THEN replace(NEW.states, 'p', 'i') ELSE NEW.states END);
END
"""
_IS_ON = {
    "postgresql": "SELECT count(*) FROM pg_trigger"
    " WHERE tgname = :name AND tgrelid = to_regclass('dispatcher_batch')",
    "sqlite": "SELECT count(*) FROM sqlite_master WHERE type = 'trigger' AND name = :name",
}


def is_on(session: Session) -> bool:
    """True if changes are written."""
    return bool(session.scalar(text(_IS_ON[_dialect(session)]), {"name": NAME}))


def switch(session: Session, *, on: bool) -> bool:
    """Write changes from this transaction on, or no more; False if that was so already.

    Raises Busy on PostgreSQL while others write to batches, or read them to switch it off.
    """
    if is_on(session) is on:
        return False
    is_postgresql = _dialect(session) == "postgresql"
    if is_postgresql:  # another process may do the same
        # whoever writes to batches waits behind this one: not long, it is tried again
        session.execute(text(f"SET LOCAL lock_timeout = '{_PATIENCE}'"))
        # at once what DROP TRIGGER takes: to ask for more later would be a deadlock
        mode = "SHARE ROW EXCLUSIVE" if on else "ACCESS EXCLUSIVE"
        session.execute(text(f"LOCK TABLE dispatcher_batch IN {mode} MODE"))
        if is_on(session) is on:
            return False
    if on:
        # not as text(): a colon in it is no parameter
        session.connection().exec_driver_sql(_POSTGRESQL if is_postgresql else _SQLITE)
    else:
        of = " ON dispatcher_batch" if is_postgresql else ""
        session.execute(text(f"DROP TRIGGER {NAME}{of}"))
    return True


def _dialect(session: Session) -> str:
    return session.get_bind().dialect.name

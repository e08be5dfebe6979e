"""Which of the project's transactions are open, and which one a campaign waits for."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from dispatcher.errors import IllegalMove


def check_alone(alias: str | None) -> None:
    """Raise IllegalMove if a transaction is open that a campaign on ``alias`` is no part of."""
    opened = _opened()
    others = [one for one in opened if one != alias]
    if others == opened != []:
        raise IllegalMove(
            f"a transaction is open on {_listed(others)}, and the dispatcher's tables are in"
            " another database: submit_on_commit submits once it is committed"
        )
    if others:
        raise IllegalMove(
            f"transactions are open on {_listed(opened)}, and a campaign is a part of the one on"
            f" {alias!r} alone: submit_on_commit(…, using={others[0]!r}) submits once that is"
            " committed"
        )


def on_commit(do: Callable[[], None], using: str | None) -> None:
    """Call ``do`` once the open transaction is committed, at once if none is open.

    Raises IllegalMove if several are open and ``using`` names none of them, or if the project
    commits by hand.
    """
    if using is not None and using not in connections:
        raise IllegalMove(f"using={using!r}: there is no such entry in DATABASES")
    opened = _opened()
    if using is not None and opened and using not in opened:
        raise IllegalMove(f"a transaction is open on {_listed(opened)}, not on {using!r}")
    if using is None and len(opened) > 1:
        raise IllegalMove(
            f"transactions are open on {_listed(opened)}: say using={opened[0]!r} or another of"
            " them, whose commit the campaign waits for"
        )
    alias = using or next(iter(opened or _of_tests()), None)
    if alias is None:
        do()
        return
    try:
        transaction.on_commit(do, using=alias)
    except transaction.TransactionManagementError:
        raise IllegalMove(
            f"the project commits by hand on {alias!r}: call submit after the commit"
        ) from None


def _opened() -> list[str]:
    """The databases with an open transaction of this thread, other than that of a TestCase."""
    return [one.alias for one in connections.all(initialized_only=True) if _is_open(one)]


def _is_open(connection: BaseDatabaseWrapper) -> bool:
    if connection.in_atomic_block:
        return any(not _of_test(block) for block in _blocks(connection))
    # what is committed by hand may have begun at any query
    return connection.connection is not None and not connection.autocommit


def _of_tests() -> list[str]:
    """The databases with the transaction of a TestCase: the default one first."""
    found = [
        one.alias
        for one in connections.all(initialized_only=True)
        if any(map(_of_test, _blocks(one)))
    ]
    return sorted(found, key=lambda alias: alias != DEFAULT_DB_ALIAS)


def _blocks(connection: BaseDatabaseWrapper) -> Iterable[Any]:
    blocks: Iterable[Any] = getattr(connection, "atomic_blocks", ())
    return blocks


def _of_test(block: Any) -> bool:
    return bool(getattr(block, "_from_testcase", False))


def _listed(aliases: Iterable[str]) -> str:
    return " and ".join(map(repr, aliases))

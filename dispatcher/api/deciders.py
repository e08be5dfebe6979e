"""Who has written something, also under a name that an erasure has replaced since."""

from __future__ import annotations

from collections.abc import Callable, Collection

from dispatcher.api.installation import Installation
from dispatcher.storage import erased_texts


def check(
    installation: Installation,
    who: str,
    writers: Collection[str],
    check_one: Callable[[str, Collection[str]], None],
) -> None:
    """Let ``check_one`` raise NotAllowed for every name under which the person may have written."""
    check_one(who, writers)
    with installation.read() as session:
        names = erased_texts.references(session, who)
    for name in names:
        check_one(name, writers)

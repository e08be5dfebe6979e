"""The breaker: the same refusal of whole batches in a row pauses their campaign."""

from __future__ import annotations

from collections.abc import Sequence

_PAUSED = "batches in a row were refused: "


def pause_reason(why: str, before: Sequence[str | None], limit: int) -> str:
    """Why a campaign pauses of which a batch was refused with ``why``; empty if it runs on.

    ``before`` are the refusals by which the campaign's attempts before ended, the latest first,
    and None for an attempt that was not refused. With ``limit`` 0 no campaign pauses.
    """
    if not limit or len(before) < limit - 1:
        return ""
    same = all(refusal == why for refusal in before[: limit - 1])
    return _PAUSED + why if same else ""


def refusal_of(reason: str | None) -> str | None:
    """The refusal for which a campaign paused; None if it paused for another reason."""
    if reason is None or not reason.startswith(_PAUSED):
        return None
    return reason.removeprefix(_PAUSED)

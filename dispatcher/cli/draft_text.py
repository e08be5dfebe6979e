"""A draft as text, and how commands find one."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from dispatcher.campaigns.wording import counted, moment
from dispatcher.cli.output import say
from dispatcher.errors import NotFound

if TYPE_CHECKING:
    from dispatcher.api.drafts import Drafts
    from dispatcher.campaigns.draft import Draft

_NEXT = {
    "draft": "plan it: dispatcher drafts plan {}",
    "planned": "hand it in: dispatcher drafts hand-in {}",
    "handed_in": "somebody else decides: dispatcher approve {}, or refuse",
}


def find_draft(service: Drafts, ref: str) -> Draft:
    """The draft with that reference or, for digits that are none, that id. Raises NotFound."""
    try:
        return service.get(ref)
    except NotFound:
        if not (ref.isascii() and ref.isdecimal()):
            raise
    return service.get(int(ref))


def about(draft: Draft, now: datetime) -> list[str]:
    """Lines about a draft, its plan, and what has changed since."""
    plan = draft.plan
    name = f"draft {draft.reference}, version {draft.version}"
    lines = [f"{name}: {state_of(draft)}, written by {', '.join(draft.writers)}"]
    if plan is None:
        lines.append(f"{counted(draft.rows, 'row')} in its list, without a plan")
    else:
        cost = "" if plan["cost"] is None else f", {plan['cost']} €"
        segments = "" if plan["segments"] is None else f", {counted(plan['segments'], 'segment')}"
        opens = "" if plan["opens_at"] is None else f", from {_moment(plan['opens_at'], now)} on"
        kept = f"{counted(plan['kept'], 'recipient')} kept of {counted(plan['rows'], 'row')}"
        lines.append(f"{kept}{segments}{cost}{opens}")
        lines.append(f"plan {draft.fingerprint}, by {draft.planned_by}")
    if draft.refusal:
        lines.append(f"refused by {draft.decided_by}: {draft.refusal}")
    return lines + [f"changed: {change}" for change in draft.changes]


def _moment(instant: str, now: datetime) -> str:
    return moment(datetime.fromisoformat(instant), now)


def state_of(draft: Draft) -> str:
    """Where it stands, for people."""
    if draft.campaign is not None:
        return f"campaign {draft.campaign}"
    return str(draft.state).replace("_", " ")


def next_step(draft: Draft) -> str:
    """What to do next."""
    if draft.needs_plan:
        return _NEXT["draft"].format(draft.reference)
    return _NEXT.get(draft.state, "").format(draft.reference) or state_of(draft)


def tell_campaign(draft: Draft) -> None:
    """Say which campaign a draft has become."""
    say(f"{draft.reference} is campaign {draft.campaign}: dispatcher progress {draft.reference}")

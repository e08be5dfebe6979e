"""The pause of everything, or of all campaigns of one account: an emergency stop.

It also holds for campaigns that are submitted later. Who paused a single campaign is on record.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Text, and_, delete, exists, func, literal, or_, select
from sqlalchemy.orm import Session

from dispatcher.campaigns.states import CampaignState
from dispatcher.masking import masked
from dispatcher.storage import actions, opt_outs, upsert
from dispatcher.storage.tables import CAMPAIGN, META, Action, Campaign, Meta

#: the row of ``dispatcher_meta``; an account's has its name behind a colon
_ALL = "paused_all"


@dataclass(frozen=True, slots=True)
class PausedAll:
    """Who paused everything, or an account, since when (ISO 8601, UTC) and why."""

    by: str
    at: str
    reason: str
    #: None stands for every account
    account: str | None = None

    def __str__(self) -> str:
        what = "everything" if self.account is None else f"account {self.account or 'default'}"
        since = f"{datetime.fromisoformat(self.at):%Y-%m-%d %H:%M} UTC"
        return f"{what} is paused by {self.by} since {since}: {self.reason}"


def pause(session: Session, account: str | None, *, by: str, reason: str, now: datetime) -> bool:
    """Let nothing of an account, or of all, be claimed from the commit on; False if it is so.

    Claims lock the version of the opt-out list and compare it with what was gathered. A new
    version waits for the claims under way, and has every later one gather again, which finds the
    pause.
    """
    facts = PausedAll(masked(by), now.isoformat(), masked(reason), account)
    row = upsert.insert(session, Meta).values(
        name=name_of(account), value=json.dumps(asdict(facts))
    )
    if session.scalar(row.on_conflict_do_nothing().returning(Meta.name)) is None:
        return False
    _note(session, account, "pause all", by, reason, now)
    opt_outs.change_version(session)
    return True


def resume(session: Session, account: str | None, *, by: str, reason: str, now: datetime) -> bool:
    """End the pause of an account, or every such pause; False if there is none."""
    mine = META.c.name == name_of(account)
    which = or_(mine, META.c.name.startswith(f"{_ALL}:")) if account is None else mine
    if not session.scalars(delete(Meta).where(which).returning(META.c.name)).all():
        return False
    _note(session, account, "resume all", by, reason, now)
    return True


def of(session: Session, account: str | None) -> PausedAll | None:
    """The pause that holds for an account; for None, the pause of everything."""
    names = {name_of(None), name_of(account)}
    rows = session.execute(select(META.c.name, META.c.value).where(META.c.name.in_(names)))
    return found({row[0]: row[1] for row in rows}, account)


def found(values: Mapping[str, str], account: str | None) -> PausedAll | None:
    """The pause that holds for an account, from values of ``dispatcher_meta`` by name."""
    for name in (name_of(None), name_of(account)):
        if value := values.get(name):
            return PausedAll(**json.loads(value))
    return None


def any_holds(session: Session) -> bool:
    """True if everything is paused, or any account."""
    either = or_(META.c.name == _ALL, META.c.name.startswith(f"{_ALL}:"))
    return bool(session.scalar(select(exists().where(either))))


def holds() -> ColumnElement[bool]:
    """Condition: the campaign is paused with everything, or with its account."""
    its = literal(f"{_ALL}:", type_=Text).concat(CAMPAIGN.c.account)
    return exists().where(or_(META.c.name == _ALL, META.c.name == its))


def is_by_person(session: Session, campaign_id: int) -> bool:
    """True if a campaign is paused, and a person wants it to be."""
    its = CAMPAIGN.c.id == campaign_id
    return bool(session.scalar(select(exists(select(CAMPAIGN.c.id).where(its, by_person())))))


def by_person() -> ColumnElement[bool]:
    """Condition: the campaign is paused, and a person has paused it since it last ran.

    Its row does not tell: it has the reason of who was the first, which may be the dispatcher.
    """
    its = Action.campaign_id == CAMPAIGN.c.id
    resumed = select(func.max(Action.id)).where(its, Action.verb == actions.RESUME)
    return and_(
        CAMPAIGN.c.state == CampaignState.PAUSED,
        exists().where(
            its,
            Action.verb == actions.PAUSE,
            Action.actor != actions.ITSELF,
            Action.id > func.coalesce(resumed.correlate(CAMPAIGN).scalar_subquery(), 0),
        ),
    )


def _note(
    session: Session, account: str | None, verb: str, by: str, reason: str, now: datetime
) -> None:
    """Put it on the record of every campaign that it concerns; without any, on that of all."""
    mine = [] if account is None else [Campaign.account == account]
    open_ones = Campaign.state.in_((CampaignState.RUNNING, CampaignState.PAUSED))
    campaigns: Sequence[int | None] = session.scalars(
        select(Campaign.id).where(open_ones, *mine)
    ).all()
    for campaign_id in campaigns or [None]:
        actions.note(session, campaign_id, verb=verb, actor=by, now=now, reason=reason)


def name_of(account: str | None) -> str:
    """The name of the value that is the pause of an account, or of everything."""
    return _ALL if account is None else f"{_ALL}:{account}"

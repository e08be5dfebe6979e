"""A turn, stored: outcomes of some batches and the arming of others, in one transaction."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.orm import Session

from dispatcher.campaigns.turn import Arming, Ending, Terms, Turned, armable
from dispatcher.storage import consents
from dispatcher.storage.batches.turns import postgresql, sqlite


def is_several(arms: Sequence[Arming]) -> bool:
    """True if a turn that arms these is more than one statement."""
    return any(arm.batch.rests_on is not None for arm in arms)


def turn(session: Session, arms: Sequence[Arming], ends: Sequence[Ending], terms: Terms) -> Turned:
    """Store outcomes, and arm batches. Only who is named as armed may send, after the commit.

    A batch is not armed if somebody else has armed or locked it, if its campaign does not run,
    goes through another account or is not funded so far, if the account has to wait, if too many
    batches are in doubt (of the account, or in all), if a recipient has opted out since it was
    gathered, or if PostgreSQL's clock is too far from ours. The consents that it rests on are
    stored with it. An outcome is not stored if its row has moved on, or if somebody has locked it
    or its attempt.
    """
    arms = armable(arms, ends)
    on_postgresql = session.get_bind().dialect.name == "postgresql"
    stored = postgresql.turn if on_postgresql else sqlite.turn
    turned = stored(session, arms, ends, terms)
    for batch in (arm.batch for arm in arms if arm.tag in turned.armed):
        if batch.rests_on is not None:
            consents.write(session, batch.id, len(batch.states), batch.rests_on.consents)
    return turned

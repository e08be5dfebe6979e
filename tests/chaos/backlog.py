"""What is left to do, asked of the rows."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import TextClause, bindparam, text

from dispatcher.storage.tables import UtcDateTime
from tests.acceptance.installation import OPEN
from tests.chaos.cluster import Cluster

#: what could still leave today, or is on its way
BUSY = text("""
SELECT count(*) FROM batch JOIN campaign ON campaign.id = batch.campaign_id
 WHERE batch.state = 'sending'
    OR (batch.state = 'pending' AND campaign.state = 'paused')
    OR (batch.state = 'pending' AND campaign.state = 'running' AND batch.not_before < :soon)
""").bindparams(bindparam("soon", OPEN + timedelta(hours=2), UtcDateTime()))
UNENDED = text("""
SELECT count(*) FROM batch JOIN campaign ON campaign.id = batch.campaign_id
 WHERE batch.state IN ('pending', 'sending', 'sent', 'in_doubt') OR campaign.state = 'running'
""")
#: without those of whom no report has come
UNSENT = text("SELECT count(*) FROM batch WHERE state IN ('pending', 'sending', 'in_doubt')")


def none(world: Cluster, query: TextClause) -> bool:
    """Whether a query that counts finds nothing."""
    with world.dispatcher.database.read() as session:
        return int(session.execute(query).scalar_one()) == 0

"""The backlog: batches and campaigns that have not ended, counted in the database."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import TextClause, bindparam, text

from dispatcher.storage.tables import UtcDateTime
from tests.acceptance.installation import OPEN
from tests.chaos.cluster import Cluster

#: batches that are being sent or may still leave today; what a budget holds back does not
BUSY = text("""
SELECT count(*) FROM dispatcher_batch AS batch JOIN dispatcher_campaign AS campaign
    ON campaign.id = batch.campaign_id
 WHERE batch.state = 'sending'
    OR (batch.state = 'pending' AND campaign.state = 'paused')
    OR (batch.state = 'pending' AND campaign.state = 'running' AND batch.not_before < :soon
        AND coalesce(campaign.budget_wait, '') = '')
""").bindparams(bindparam("soon", OPEN + timedelta(hours=2), UtcDateTime()))
UNENDED = text("""
SELECT count(*) FROM dispatcher_batch AS batch JOIN dispatcher_campaign AS campaign
    ON campaign.id = batch.campaign_id
 WHERE batch.state IN ('pending', 'sending', 'handed_over', 'sent', 'in_doubt')
    OR campaign.state = 'running'
""")
#: batches that have not left; those that wait for reports do not count
UNSENT = text("""
SELECT count(*) FROM dispatcher_batch
 WHERE state IN ('pending', 'sending', 'handed_over', 'in_doubt')
""")


def none(world: Cluster, query: TextClause) -> bool:
    """True if a query that counts rows finds none."""
    with world.dispatcher.database.read() as session:
        return int(session.execute(query).scalar_one()) == 0

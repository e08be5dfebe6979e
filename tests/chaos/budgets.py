"""A budget among the campaigns: three of them want more than it pays for, whatever fails."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from dispatcher.campaigns.batch import LARGEST_BATCH
from tests.acceptance.installation import OPEN

if TYPE_CHECKING:
    from tests.chaos.audit import Findings
    from tests.chaos.campaigns import Plan
    from tests.chaos.cluster import Cluster
    from tests.chaos.evidence import Evidence

TAG: Final = "boutique"
CAMPAIGNS: Final = tuple(f"{TAG}-{number}" for number in (1, 2, 3))
#: which one has to wait expires before the second day
OPTIONS: Final[Mapping[str, Any]] = {"tags": [TAG], "not_after": OPEN + timedelta(hours=4)}
#: of a segment, at the gateway and by the settings
PRICE: Final = Decimal("0.038")
PRICES: Final = f"metropole={PRICE}"


def set_up(cluster: Cluster, plans: Sequence[Plan]) -> None:
    """Let the campaigns cost what two and a half of them do."""
    size = max(len(plan.phones) for plan in plans if plan.reference in CAMPAIGNS)
    euros = max(size * PRICE * 5 / 2, LARGEST_BATCH * PRICE)
    cluster.dispatcher.budgets.set(TAG, euros.quantize(Decimal("0.01")))


def audit(cluster: Cluster, evidence: Evidence, findings: Findings) -> None:
    """What left never costs more than the budget, and what left is counted.

    But for batches that a person sent again, and those of which the gateway said that it took
    nobody: those may have been charged twice.
    """
    [budget] = cluster.dispatcher.budgets.all()
    resent = {one.batch_id for one in evidence.actions if one.verb == "resend"}
    excusable = resent | {evidence.attempts[tag].batch_id for tag in evidence.lies}
    spent = excused = Decimal(0)
    for entry in cluster.gateway.entries():
        attempt = evidence.attempts.get(entry.tag)
        if attempt is None or entry.cancelled:
            continue
        batch = evidence.batches[attempt.batch_id]
        if evidence.campaigns[batch.campaign_id].reference in CAMPAIGNS:
            euros = PRICE * sum(sms.units for sms in entry.texts)
            spent += euros
            excused += euros if batch.id in excusable else 0
    counted = budget.charged + budget.reserved
    says = (
        f"{spent} € left, {excused} € of them may be doubled, {counted} € are counted of {budget}"
    )
    if spent - excused > budget.euros:
        findings.overspent.append(f"more left than the budget pays for: {says}")
    if counted < spent - excused:
        findings.overspent.append(f"money that left is not counted: {says}")
    if counted > budget.euros + excused:
        findings.overspent.append(f"money is counted twice: {says}")


def held_back(evidence: Evidence) -> int:
    """How many campaigns had to wait."""
    return sum(one.verb == "budget reached" for one in evidence.actions)

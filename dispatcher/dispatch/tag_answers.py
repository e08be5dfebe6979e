"""The gateway's answer about the tag of one attempt, or that it is no answer about it.

A gateway that ignores the tag lists messages of others, and whoever is among them would count as
texted. So an answer counts only as a whole: every number is one of the attempt's, no report is
older than the attempt, and a tag that nobody has ever used shows nothing.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import timedelta

from dispatcher.dispatch.context import Context
from dispatcher.dispatch.tags import new_tag
from dispatcher.errors import GatewayError, NotAnAnswer
from dispatcher.gateway import StatusPage
from dispatcher.masking import is_pseudonym
from dispatcher.storage import pseudonymous
from dispatcher.storage.batches import attempts

log = logging.getLogger(__name__)

#: the gateway's clock may be slow by this much
_SKEW = timedelta(minutes=5)


def tag_answer(context: Context, tag: str) -> StatusPage:
    """What the gateway shows under the ``tag`` of an attempt: numbers of its batch and no others.

    Raises NotAnAnswer for an answer that is not about this attempt, GatewayError if there is none.
    """
    try:
        found = _known(context, tag, context.gateway.status_by_tag(tag))
        objection = _objection(context, tag, found) if found.reports else ""
    except GatewayError as error:
        context.note_failed(error)
        raise
    if objection:
        log.error("the answer about tag %s is void: %s", tag, objection)
        context.call_counts.count_unusable()
        raise NotAnAnswer(objection)
    return found


def _known(context: Context, tag: str, found: StatusPage) -> StatusPage:
    """The page with pseudonyms for the numbers of people who were erased since."""
    if not found.reports:
        return found
    with context.database.read() as session:
        phones, _ = attempts.asked(session, tag)
        known = pseudonymous.current(session) if any(map(is_pseudonym, phones)) else None
    if known is None:
        return found
    reports = [
        report._replace(phone=known.one_of(report.phone, phones) or report.phone)
        for report in found.reports
    ]
    return replace(found, reports=reports)


def _objection(context: Context, tag: str, found: StatusPage) -> str:
    """Why an answer with reports is none about the attempt; empty if it is one."""
    with context.database.read() as session:
        phones, armed_at = attempts.asked(session, tag)
    if any(report.phone not in phones for report in found.reports):
        return "the answer shows numbers of others under its tag"
    # a clock that is shifted to try things is not the gateway's
    earliest = armed_at - timedelta(seconds=max(context.settings.clock_offset, 0)) - _SKEW
    if any(report.at and report.at < earliest for report in found.reports):
        return "the answer shows reports that are older than the attempt"
    if context.gateway.status_by_tag(new_tag()).reports:
        return "it answers with messages about a tag that nobody has used"
    return ""

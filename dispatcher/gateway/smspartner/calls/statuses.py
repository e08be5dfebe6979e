"""Delivery reports by pair, by number, by message and by tag."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dispatcher.errors import GatewayRefused
from dispatcher.gateway.answers import Report, StatusPage, merged
from dispatcher.gateway.smspartner.transport import Transport
from dispatcher.gateway.smspartner.wire import statuses
from dispatcher.gateway.smspartner.wire.requests import MOST_LINES
from dispatcher.gateway.smspartner.wire.statuses import NumberStatus
from dispatcher.recipients.phones import normalise

_NOT_FOUND = 4


class Statuses:
    """Asks for reports. Every call raises GatewayError if it brings no information."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def by_pair(self, pairs: Sequence[tuple[str, str]]) -> Mapping[tuple[str, str], Report]:
        """Reports by (phone in E.164, message id), for at most 500 pairs (``/multi-status``).

        Unknown pairs are absent.
        """
        body = statuses.status_body(pairs, self._transport.base("/multi-status"))
        return self._transport.post("/multi-status", body).read(statuses.read_multi_status)

    def of_number(self, phone: str, message_id: str) -> NumberStatus | None:
        """One number of one message (``/message-status``), or None if the gateway has none.

        Raises InvalidPhone, too.
        """
        params = {"messageId": message_id, "phoneNumber": normalise(phone)}
        answer = self._transport.get("/message-status", params)
        try:
            return answer.read(statuses.read_status)
        except GatewayRefused as refused:
            if refused.code == _NOT_FOUND:
                return None
            raise

    def of_message(self, message_id: str) -> StatusPage:
        """Every number of a message (``/bulk-status``); empty for an unknown message."""
        answer = self._transport.get("/bulk-status", {"messageId": message_id})
        found = answer.read(statuses.read_message)
        reports: dict[str, Report] = {}
        _add(reports, found.reports)
        return StatusPage(tuple(reports.values()), found.complete, found.failed)

    def of_tag(self, tag: str) -> StatusPage:
        """Everything that the gateway shows under ``tag``, page by page.

        The paging is undocumented: it ends when the announced total is reached or a page
        brings nothing new. Absence proves nothing: the lag of the tag is unknown.
        """
        reports: dict[str, Report] = {}
        announced, failed, complete = 0, 0, True
        for page in range(1, MOST_LINES + 1):
            answer = self._transport.get("/bulk-status-by-tag", {"tag": tag, "page": page})
            found, total = answer.read(statuses.read_tag_page)
            announced = max(announced, total)
            complete = complete and found.complete
            known = len(reports)
            _add(reports, found.reports)
            if len(reports) == known and (found.reports or not found.failed):
                break  # an empty page, or one that comes again
            failed += found.failed
            if len(reports) + failed >= total:
                break
        complete = complete and len(reports) + failed >= announced
        return StatusPage(tuple(reports.values()), complete, failed)


def _add(known: dict[str, Report], reports: Sequence[Report]) -> None:
    """Add reports of one message, one for each number; a number may be listed twice."""
    for report in reports:
        before = known.get(report.phone)
        known[report.phone] = report if before is None else merged(before, report)

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
    """Lookups raise GatewayError when they bring no information."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def by_pair(self, pairs: Sequence[tuple[str, str]]) -> Mapping[tuple[str, str], Report]:
        """Reports by (phone in E.164, message id), for at most 500 pairs (``/multi-status``).

        Unknown pairs are absent.
        """
        body = statuses.status_body(pairs, self._transport.base("/multi-status"))
        answer = self._transport.post("/multi-status", body)
        parse = self._transport.parser("/multi-status")
        return statuses.read_multi_status(answer.status, answer.body, parse)

    def of_number(self, phone: str, message_id: str) -> NumberStatus | None:
        """One number of one message (``/message-status``); None when it is not known.

        Raises InvalidPhone too.
        """
        params = {"messageId": message_id, "phoneNumber": normalise(phone)}
        answer = self._transport.get("/message-status", params)
        parse = self._transport.parser("/message-status")
        try:
            return statuses.read_status(answer.status, answer.body, parse)
        except GatewayRefused as refused:
            if refused.code == _NOT_FOUND:
                return None
            raise

    def of_message(self, message_id: str) -> StatusPage:
        """Every number of a message (``/bulk-status``); empty when it is not known."""
        answer = self._transport.get("/bulk-status", {"messageId": message_id})
        parse = self._transport.parser("/bulk-status")
        found = statuses.read_message(answer.status, answer.body, parse)
        return StatusPage(tuple(_by_phone(found.reports).values()), found.complete)

    def of_tag(self, tag: str) -> StatusPage:
        """Everything that the gateway shows under ``tag``, page by page.

        The paging is undocumented: it ends when the announced total is reached or a page
        brings nothing new. Absence proves nothing: the lag of the tag is unknown.
        """
        reports: dict[str, Report] = {}
        announced, complete = 0, True
        parse = self._transport.parser("/bulk-status-by-tag")
        for page in range(1, MOST_LINES + 1):
            answer = self._transport.get("/bulk-status-by-tag", {"tag": tag, "page": page})
            found, total = statuses.read_tag_page(answer.status, answer.body, parse)
            before = len(reports)
            reports.update({report.phone: report for report in found.reports})
            announced = max(announced, total)
            complete = complete and found.complete
            if len(reports) == before or len(reports) >= total:
                break
        return StatusPage(tuple(reports.values()), complete and len(reports) >= announced)


def _by_phone(reports: Sequence[Report]) -> dict[str, Report]:
    """One report for each number, which a message may list twice."""
    found: dict[str, Report] = {}
    for report in reports:
        known = found.get(report.phone)
        found[report.phone] = report if known is None else merged(known, report)
    return found

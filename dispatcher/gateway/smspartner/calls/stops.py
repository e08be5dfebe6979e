"""The gateway's STOP list."""

from __future__ import annotations

from dispatcher.errors import NotAnAnswer
from dispatcher.gateway.smspartner import fields
from dispatcher.gateway.smspartner.transport import Transport
from dispatcher.gateway.smspartner.wire import stop_list
from dispatcher.gateway.smspartner.wire.stop_list import StopList
from dispatcher.recipients.phones import normalise


class Stops:
    """Reads and changes the list. Raises GatewayError."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def listed(self) -> StopList:
        """The whole list; it is not paged (``/stop-sms/list``)."""
        answer = self._transport.get("/stop-sms/list")
        parse = self._transport.parser("/stop-sms/list")
        return stop_list.read_stops(answer.status, answer.body, parse)

    def add(self, phone: str) -> str | None:
        """Put a number on the list; the id of its entry, None when it was there already.

        Raises InvalidPhone too. Asking twice does no harm.
        """
        body = self._transport.base("/stop-sms/add") | {"phoneNumber": normalise(phone)}
        answer = self._transport.post("/stop-sms/add", fields.encode(body))
        parse = self._transport.parser("/stop-sms/add")
        return stop_list.read_added(answer.status, answer.body, parse)

    def delete(self, stop_id: str) -> bool:
        """Take an entry off the list by its id; False when there is none.

        Only for who asked in writing to be texted again. Raises NotAnAnswer when the list, read
        again, still has it.
        """
        answer = self._transport.get("/stop-sms/delete", {"id": stop_id})
        parse = self._transport.parser("/stop-sms/delete")
        if not stop_list.read_deleted(answer.status, answer.body, parse):
            return False
        if any(stop.id == stop_id for stop in self.listed().entries):
            raise NotAnAnswer("the gateway says that it deleted an entry, and still lists it")
        return True

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
        return self._transport.get("/stop-sms/list").read(stop_list.read_stops)

    def add(self, phone: str) -> str | None:
        """Put a number on the list; returns the id of its entry, None if it was listed already.

        Raises InvalidPhone, too. A repeated call does no harm.
        """
        body = self._transport.base("/stop-sms/add") | {"phoneNumber": normalise(phone)}
        return self._transport.post("/stop-sms/add", fields.encode(body)).read(stop_list.read_added)

    def delete(self, stop_id: str) -> bool:
        """Remove an entry by its id; False if there is none.

        Only for people who asked in writing to be texted again. Raises NotAnAnswer if the list,
        read again, still has the entry.
        """
        answer = self._transport.get("/stop-sms/delete", {"id": stop_id})
        if not answer.read(stop_list.read_deleted):
            return False
        if any(stop.id == stop_id for stop in self.listed().entries):
            raise NotAnAnswer("the gateway says that it deleted an entry, and still lists it")
        return True

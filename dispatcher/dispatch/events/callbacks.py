"""Callbacks: an event is posted, signed, to an address of yours."""

from __future__ import annotations

import json
from datetime import datetime

import requests
from urllib3.exceptions import HTTPError
from urllib3.util import Timeout

from dispatcher.campaigns.events import Event
from dispatcher.dispatch.events.signatures import signed
from dispatcher.gateway.http.connection import Connection
from dispatcher.gateway.http.deadline import watchdog

#: the longest duration (seconds) of a whole call
PATIENCE = 10.0


class Callbacks:
    """Posts to one address. No redirect is followed and no proxy used; TLS is checked."""

    def __init__(self, url: str, secret: str) -> None:
        self._url = url
        self._secret = secret

    def post(self, event: Event, *, now: datetime) -> str:
        """Post an event; returns why it was not accepted, or an empty text if it was (2xx).

        The reason contains neither the address nor its answer.
        """
        body = json.dumps(event.as_json()).encode()
        headers = signed(self._secret, event.id, body, at=int(now.timestamp()))
        connection = Connection(self._url, Timeout(connect=PATIENCE / 2, read=PATIENCE))
        try:
            with watchdog.limit(PATIENCE) as call:
                connection.warm(call)
                with connection.ask("POST", self._url, data=body, headers=headers) as response:
                    status = response.status_code
                if call.expired:
                    return "no answer in time"
        except (requests.RequestException, HTTPError, OSError) as error:
            return f"no answer ({type(error).__name__})"
        finally:
            connection.close()
        return "" if 200 <= status < 300 else f"HTTP {status}"

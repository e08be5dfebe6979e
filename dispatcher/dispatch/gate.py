"""The gate: where the lanes of one process wait for the rate, one behind the other."""

from __future__ import annotations

import random
import threading
import time

from dispatcher.dispatch.rate_limit import Throttle

#: a lane itself waits this long (seconds); what has to wait longer waits in its row
LONGEST_PATIENCE = 1.0


class Gate:
    """Lets one request after another pass; only the first in the row asks for the rate."""

    def __init__(self, throttle: Throttle) -> None:
        self._throttle = throttle
        self._first = threading.Lock()

    def wait(self) -> float:
        """Wait a moment for the rate; 0 when a request may go now, else seconds to come back in.

        These are spread, so that those who are sent away do not all come back at once.
        """
        if self._throttle.unlimited:
            return 0.0
        until = time.monotonic() + LONGEST_PATIENCE
        wait = LONGEST_PATIENCE
        if self._first.acquire(timeout=LONGEST_PATIENCE):
            try:
                while (wait := self._throttle.wait()) > 0 and time.monotonic() < until:
                    time.sleep(min(wait, LONGEST_PATIENCE))
            finally:
                self._first.release()
        return wait * random.uniform(1, 2)  # noqa: S311

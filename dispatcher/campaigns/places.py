"""Where a recipient is: the territory whose calendar and clock count for a number."""

from __future__ import annotations

from collections.abc import Callable

from dispatcher.recipients import Recipient, phones
from dispatcher.recipients.local_numbers import normalise_in
from dispatcher.window import NeverOpen
from dispatcher.window.territories import find


class Places:
    """Decides the territory of each recipient of one list.

    ``default`` is that of recipients without one of their own; without it, the number decides.
    ``check_open`` raises NeverOpen for a territory whose batches could never leave. Raises
    InvalidCampaign for an unknown ``default``.
    """

    def __init__(self, default: str | None) -> None:
        self.default = None if default is None else find(default).name
        #: that of a number of metropolitan France without a territory of its own
        self.usual = self.default or "metropole"
        self.check_open: Callable[[str], object] = str
        self._against: dict[str, NeverOpen | None] = {}

    @property
    def usual_opens(self) -> bool:
        """Whether batches of the usual territory can leave."""
        return self._reason_against(self.usual) is None

    def of(self, phone: str, recipient: Recipient) -> str:
        """The territory of a number (E.164). Raises InvalidCampaign or NeverOpen."""
        if recipient.territory:
            territory = find(recipient.territory).name
        else:
            territory = self.default or phones.territory_of(phone) or "metropole"
        if against := self._reason_against(territory):
            raise against
        return territory

    def local_number(self, recipient: Recipient) -> str:
        """The number, if a territory that is named tells its country. Raises InvalidPhone.

        Raises InvalidCampaign for an unknown territory.
        """
        named = recipient.territory or self.default
        return normalise_in(recipient.phone, find(named).name if named else "")

    def _reason_against(self, territory: str) -> NeverOpen | None:
        if territory not in self._against:
            try:
                self.check_open(territory)
                self._against[territory] = None
            except NeverOpen as error:
                self._against[territory] = error
        return self._against[territory]

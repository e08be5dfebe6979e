"""Where a recipient is: the territory whose calendar and clock count for a number."""

from __future__ import annotations

from collections.abc import Callable

from dispatcher.recipients import Recipient, phones
from dispatcher.recipients.local_numbers import mobile_of, normalise_in
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

    def number(self, recipient: Recipient) -> str:
        """The number (E.164), which a territory that is named may decide.

        Raises InvalidPhone, and InvalidCampaign for an unknown territory.
        """
        return number_of(recipient, recipient.territory or self.default)

    def _reason_against(self, territory: str) -> NeverOpen | None:
        if territory not in self._against:
            try:
                self.check_open(territory)
                self._against[territory] = None
            except NeverOpen as error:
                self._against[territory] = error
        return self._against[territory]


def number_of(recipient: Recipient, territory: str | None) -> str:
    """The number (E.164) of somebody in a territory of this name, in any spelling.

    Raises InvalidPhone, and InvalidCampaign for an unknown territory.
    """
    if not territory:
        return phones.normalise(recipient.phone)
    there = find(territory).name
    several = recipient.numbers
    return normalise_in(mobile_of(several, there) if several else recipient.phone, there)

"""Approving a whole series, once, up to a cap of each occurrence; and ending that."""

from __future__ import annotations

from decimal import Decimal

from dispatcher.api import deciders
from dispatcher.api.actor import identity, named, on_record
from dispatcher.api.series_setup import SeriesSetup, changed_meanwhile
from dispatcher.campaigns.series import Series
from dispatcher.campaigns.series_approval import approval_of, check_approver
from dispatcher.errors import IllegalMove
from dispatcher.storage import series as store
from dispatcher.storage import series_approval as columns


class SeriesApprovals(SeriesSetup):
    """Approves series; who does so is who is signed in: no caller names it."""

    def approve(
        self,
        name: int | str,
        *,
        recipients: int | None = None,
        euros: Decimal | float | str | None = None,
        version: int | None = None,
        reason: str = "",
    ) -> Series:
        """Let occurrences run without an approval of their own, up to a cap of each one's plan.

        ``recipients``, ``euros`` or both; an occurrence beyond it is handed in, as without an
        approval. Any change of the series ends it. ``version`` is the one that the person has
        read, if it may be no other. It counts where workers have DISPATCHER_APPROVAL=required.

        Raises NotAllowed for whoever has written any of the series, NotFound, InvalidCampaign for
        an unusable cap, and IllegalMove for a series that has ended or was changed meanwhile.
        """
        who, said = identity(), on_record("a reason", reason)
        series, now = self._alive(name), self._installation.clock()
        if version not in (None, series.version):
            raise changed_meanwhile(series)
        priced = bool(self._installation.settings.of_account(series.account).prices)
        approval = approval_of(who, now, recipients, euros, priced=priced)
        deciders.check(self._installation, who, series.writers, check_approver)
        with self._installation.write() as session:
            store.change(session, series, by=who, now=now, **columns.columns(approval))
            written = f"written by {', '.join(series.writers)}"
            words = "; ".join(filter(None, (f"up to {approval.cap}", said, written)))
            self._note(session, "approve series", series, who, words)
        self._submitted()
        return self.get(series.id)

    def end_approval(self, name: int | str, *, reason: str = "", by: str | None = None) -> Series:
        """Let each occurrence wait for an approval of its own again. Anybody may do so.

        Raises NotFound, and IllegalMove if the series is not approved.
        """
        who, said = named(by), on_record("a reason", reason)
        series, now = self._alive(name), self._installation.clock()
        if series.approval is None:
            raise IllegalMove(f"series {series.name!r} is not approved")
        with self._installation.write() as session:
            store.change(session, series, by=who, now=now, **columns.columns(None))
            self._note(session, "end approval of series", series, who, said)
        return self.get(series.id)

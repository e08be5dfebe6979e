"""The evidence of a campaign, written from one snapshot of the database and signed."""

from __future__ import annotations

import io
from collections.abc import Generator, Iterator
from importlib.metadata import version
from typing import Any, Final

from sqlalchemy.orm import Session

from dispatcher.api.action_record import seal_rest
from dispatcher.api.actor import named
from dispatcher.api.installation import Installation
from dispatcher.campaigns.evidence_file import layout
from dispatcher.campaigns.evidence_file.archive import Archive, Output
from dispatcher.campaigns.evidence_file.page import EvidencePage
from dispatcher.campaigns.evidence_file.page_digest import Digest
from dispatcher.campaigns.evidence_file.signing import PublicKey, Signer
from dispatcher.masking import mask, masked
from dispatcher.storage import actions
from dispatcher.storage.campaigns import campaigns, evidence_summary
from dispatcher.storage.campaigns.evidence_rows import EvidenceRows
from dispatcher.window.territories import CALENDAR_VERSION

#: about how many bytes a piece has
_PIECE: Final = 1 << 14


class EvidenceWriter:
    """Writes files of evidence, and names the key that signs them."""

    def __init__(self, installation: Installation, account: str | None) -> None:
        """``account`` is the only one whose campaigns are found; None for all."""
        self._installation = installation
        self._account = account

    @property
    def key(self) -> PublicKey:
        """The key to verify by; with SQLite made now if there is none.

        Raises ConfigurationError without DISPATCHER_SIGNING_KEY elsewhere, and StorageError.
        """
        return self._signer.public

    @property
    def _signer(self) -> Signer:
        return Signer(self._installation.database.signing_key.made())

    def write(
        self, campaign: int | str, output: Output, *, hides: bool = False, by: str | None = None
    ) -> dict[str, Any]:
        """Write the evidence of a campaign to ``output``, and return its sums.

        ``hides`` masks numbers. Raises NotFound, and as ``key``.
        """
        campaign_id, signer = self._begin(campaign, by)
        with self._installation.stream() as session:
            sums = evidence_summary.sums(session, campaign_id)
            archive = Archive(output, signer)
            for _ in self._writing(session, campaign_id, archive, sums, hides=hides):
                pass
        return sums

    def pieces(
        self, campaign: int | str, *, hides: bool = False, by: str | None = None
    ) -> Generator[bytes, None, None]:
        """The same file in pieces, read as they are asked for; to be closed.

        It is on record once this returns. Raises as ``write``.
        """
        return self._pieces(*self._begin(campaign, by), hides=hides)

    def _pieces(
        self, campaign_id: int, signer: Signer, *, hides: bool
    ) -> Generator[bytes, None, None]:
        buffer = io.BytesIO()
        with self._installation.stream() as session:
            sums = evidence_summary.sums(session, campaign_id)
            archive = Archive(buffer, signer)
            for _ in self._writing(session, campaign_id, archive, sums, hides=hides):
                if buffer.tell() >= _PIECE:
                    yield buffer.getvalue()
                    buffer.seek(0)
                    buffer.truncate()
        yield buffer.getvalue()

    def _begin(self, campaign: int | str, by: str | None) -> tuple[int, Signer]:
        """The id of a campaign whose evidence may be written now: it is on record."""
        with self._installation.read() as session:
            known = campaigns.facts(session, campaign, self._account)
        signer = self._signer
        self._note(known.id, known.reference, named(by))
        return known.id, signer

    def _note(self, campaign_id: int, reference: str, actor: str) -> None:
        """Put the export on record, before anything leaves, and seal the whole record."""
        with self._installation.write() as session:
            actions.note(
                session,
                None,
                verb="export",
                actor=actor,
                now=self._installation.clock(),
                reason=f"the evidence of campaign {campaign_id}, {reference}",
            )
        if not self._installation.database.in_transaction:
            seal_rest(self._installation)

    def _writing(
        self,
        session: Session,
        campaign_id: int,
        archive: Archive,
        sums: dict[str, Any],
        *,
        hides: bool,
    ) -> Iterator[None]:
        """Write a whole file, and pause in between."""
        number, words = (mask, masked) if hides else (str, str)
        rows = EvidenceRows(session, campaign_id, number=number, words=words)
        campaign = evidence_summary.campaign(session, campaign_id, words)
        archive.add_document(layout.CAMPAIGN, campaign)
        digest = Digest()
        for name, lines in (
            (layout.BATCHES, digest.of_batches(rows.batches())),
            (layout.RECIPIENTS, rows.recipients()),
            (layout.OPT_OUTS, digest.of_opt_outs(rows.opt_outs())),
            (layout.CONSENTS, digest.of_consents(rows.consents())),
            (layout.ATTEMPTS, rows.attempts()),
            (layout.RECORD, digest.of_record(rows.record())),
        ):
            yield from archive.adding_lines(name, lines)
        facts = {
            "made_at": self._installation.clock().isoformat(),
            "made_by": f"sms-campaign-dispatcher {version('sms-campaign-dispatcher')}",
            "numbers": "masked" if hides else "in clear",
        }
        signed = facts | {"fingerprint": archive.fingerprint}
        for language, name in layout.PAGES.items():
            archive.add_text(name, EvidencePage(language, campaign, sums, digest, signed).parts())
        archive.close(
            {
                "reference": campaign["reference"],
                **facts,
                "calendar": CALENDAR_VERSION,
                "sums": sums,
            }
        )

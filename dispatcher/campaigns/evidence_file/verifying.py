"""Verifies a file of evidence: offline, without a database, a setting or a key of the gateway."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from itertools import islice
from typing import Any, BinaryIO, Final

from dispatcher.campaigns.evidence_file.derived import Derived, Row
from dispatcher.campaigns.evidence_file.layout import CAMPAIGN, MANIFEST, RECIPIENTS
from dispatcher.campaigns.evidence_file.opened import Altered, Opened
from dispatcher.campaigns.evidence_file.row_check import wrong_amounts
from dispatcher.errors import DispatcherError
from dispatcher.texts import has_stop

#: more problems than this are not listed
_MOST: Final = 100
#: what values of another kind raise
_STRANGE: Final = (
    ArithmeticError,
    AttributeError,
    DispatcherError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What verifying a file of evidence came to."""

    #: one sentence for each thing that is wrong; empty if nothing is
    problems: tuple[str, ...]
    #: what a person should know, and is not wrong
    remarks: tuple[str, ...] = ()
    #: the fingerprint of the key that signed it; empty if it could not be read
    fingerprint: str = ""
    #: campaign and instant, as the file names them
    reference: str = ""
    made_at: str = ""
    sums: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The same as plain JSON."""
        return asdict(self)


def verify(file: BinaryIO, *, key: str | None = None) -> Verification:
    """Verify a file that was opened for reading bytes; ``key`` is the expected fingerprint."""
    try:
        opened = Opened(file)
    except Altered as altered:
        return Verification(problems=(str(altered),))
    try:
        problems = list(islice(opened.faults(key), _MOST))
    except Altered as altered:
        problems = [str(altered)]
    remarks: dict[str, None] = {}

    def remark(sentence: str) -> None:
        if len(remarks) < _MOST:
            remarks[sentence] = None

    if not any(" was altered" in one or " is missing" in one for one in problems):
        problems += islice(_contradictions(opened, remark), _MOST)
    manifest = opened.manifest
    opened.close()
    sums = manifest.get("sums")
    return Verification(
        problems=tuple(problems),
        remarks=tuple(remarks),
        fingerprint=opened.key.fingerprint,
        reference=str(manifest.get("reference", "")),
        made_at=str(manifest.get("made_at", "")),
        sums=sums if isinstance(sums, dict) else {},
    )


def _contradictions(opened: Opened, remark: Callable[[str], None]) -> Iterator[str]:
    """What of the content contradicts itself, whoever signed it."""
    try:
        campaign, sums = opened.document(CAMPAIGN), opened.document(MANIFEST)["sums"]
        masked = opened.manifest.get("numbers") == "masked"
        if masked:
            remark("numbers are masked: whether somebody is in it twice cannot be seen")
        derived = Derived(campaign, masked=masked)
        yield from derived.of_batches(opened, remark)
        yield from derived.of_record(opened)
        found = derived.sums
        for name in sorted(found.keys() | sums.keys()):
            is_now, was = found.get(name), sums.get(name)
            if is_now != was:
                yield f"the sum of {name} is {is_now}, and the manifest says {was}"
        yield from _of_campaign(campaign, found)
        if campaign["reference"] != opened.manifest["reference"]:
            yield (
                f"the campaign is {campaign['reference']!r}, and the manifest says"
                f" {opened.manifest['reference']!r}"
            )
    except Altered as altered:
        yield str(altered)
    except _STRANGE as error:
        yield f"the content is not what the format says: {type(error).__name__}"


def _of_campaign(campaign: Row, found: Row) -> Iterator[str]:
    listed, stop = campaign["list"], campaign["stop_mention"]
    yield from wrong_amounts("the list", listed, ("rows", "duplicates", "unusable"))
    if listed["hash"] is not None:
        kept = listed["rows"] - listed["duplicates"] - listed["unusable"]
        if kept != found["recipients"]:
            yield f"the list had {kept} to text, and {RECIPIENTS} has {found['recipients']}"
    if campaign["text"] and stop["in_text"] != has_stop(campaign["text"]):
        yield "the text does not say what the file says of its STOP mention"
    asked = stop["in_text"] or stop["added_by_gateway"]
    if campaign["commercial"] and campaign["text"] and not asked:
        yield "a commercial campaign was to leave without a STOP mention"

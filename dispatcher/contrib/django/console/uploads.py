"""Lists that people upload or paste."""

from __future__ import annotations

from io import BytesIO
from typing import BinaryIO, Final, cast

from django.http import HttpRequest
from django.utils.translation import gettext as _

from dispatcher.errors import UnusableInput
from dispatcher.recipients.files import RecipientFile, open_recipients

#: bytes of an uploaded list
MOST: Final = 32 * 1024 * 1024
#: the encodings of text that people may have to name, and what they are called
ENCODINGS: Final = (
    ("utf-8", "UTF-8"),
    ("cp1252", "Windows-1252"),
    ("iso-8859-15", "ISO 8859-15"),
    ("mac-roman", "Mac OS Roman"),
    ("cp850", "MS-DOS (cp850)"),
)
#: digits of the number of lines above the header
_DIGITS: Final = 4


def given(request: HttpRequest) -> bool:
    """Whether a request has a list."""
    return "file" in request.FILES or bool(request.POST.get("pasted", "").strip())


def opened(request: HttpRequest, *, every_number: bool = False) -> RecipientFile:
    """The list of a request: its file, else what was pasted. Raises UnusableInput.

    ``every_number`` is as in ``open_recipients``.
    """
    file = request.FILES.get("file")
    pasted = request.POST.get("pasted", "").strip()
    if file is None and not pasted:
        raise UnusableInput(_("choose a file, or paste numbers"))
    if file is not None and (file.size or 0) > MOST:
        raise UnusableInput(_("the file is larger than 32 MB: cut it in two"))
    source = file.file if file is not None else BytesIO(pasted.encode())
    return open_recipients(
        cast(BinaryIO, source),
        column=_said(request, "column"),
        sheet=_said(request, "sheet"),
        key_column=_said(request, "key_column"),
        territory_column=_said(request, "territory_column"),
        last_contact_column=_said(request, "contact_column"),
        encoding=_said(request, "encoding"),
        skip_lines=_lines(request),
        hidden="hidden" in request.POST,
        every_number=every_number,
    )


def name_of(request: HttpRequest, sheet: str | None) -> str:
    """What the list of a request is called: its file, and the sheet of a workbook."""
    file = request.FILES.get("file")
    name = str(file.name or "") if file is not None else ""
    return f"{name} ({sheet})" if name and sheet else name


def _lines(request: HttpRequest) -> int:
    """How many lines stand above the header. Raises UnusableInput."""
    written = _said(request, "skip_lines") or "0"
    if not written.isdecimal() or len(written) > _DIGITS:
        raise UnusableInput(_("the lines above the header are a whole number"))
    return int(written)


def _said(request: HttpRequest, name: str) -> str | None:
    return request.POST.get(name, "").strip() or None

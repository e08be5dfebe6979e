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


def opened(request: HttpRequest) -> RecipientFile:
    """The list of a request: its file, else what was pasted. Raises UnusableInput."""
    file = request.FILES.get("file")
    pasted = request.POST.get("pasted", "").strip()
    if file is None and not pasted:
        raise UnusableInput(_("choose a file, or paste numbers"))
    if file is not None and (file.size or 0) > MOST:
        raise UnusableInput(_("the file is larger than 32 MB: cut it in two"))
    source = file.file if file is not None else BytesIO(pasted.encode())
    column = request.POST.get("column", "").strip() or None
    sheet = request.POST.get("sheet", "").strip() or None
    return open_recipients(cast(BinaryIO, source), column=column, sheet=sheet)

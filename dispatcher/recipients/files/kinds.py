"""What a file really is, told by its first bytes, when it is no list that can be read."""

from __future__ import annotations

import re

from dispatcher.errors import InvalidFile

_SAVE = "save the list as CSV or XLSX"
_EXPORT = "export the contacts as CSV"
_BINARY: tuple[tuple[bytes, str], ...] = (
    (b"%PDF", f"a PDF document; {_SAVE} in the program that made it"),
    (b"\x89PNG", "an image (PNG)"),
    (b"\xff\xd8\xff", "an image (JPEG)"),
    (b"GIF8", "an image (GIF)"),
    (b"II*\0", "an image (TIFF)"),
    (b"MM\0*", "an image (TIFF)"),
    (b"RIFF", "an image or a recording"),
    (b"{\\rtf", f"an RTF document; {_SAVE}"),
    (b"SQLite format 3", "an SQLite database; export the table as CSV"),
    (b"\0\x01\0\0Standard", "an Access database; export the table as CSV"),
    (b"PAR1", "a Parquet file; export it as CSV"),
    (b"7z\xbc\xaf", "a 7-Zip archive; unpack it first"),
    (b"Rar!", "a RAR archive; unpack it first"),
    (b"BZh", "a file packed by bzip2; unpack it first"),
    (b"\xfd7zXZ", "a file packed by xz; unpack it first"),
    (b"\x28\xb5\x2f\xfd", "a file packed by Zstandard; unpack it first"),
    (b"MZ", "a program"),
    (b"\x7fELF", "a program"),
)
_TEXT: tuple[tuple[str, str], ...] = (
    (r"BEGIN:VCARD", f"a vCard file of contacts; {_EXPORT}"),
    (r"BEGIN:VCALENDAR", "a calendar"),
    (
        r"(<!--.*?-->\s*)*<(!doctype\s+html|html|head|body|table|div|meta|style|script)\b",
        "an HTML page, whatever its name says; open it in a spreadsheet and save it as XLSX",
    ),
    (
        r"<\?xml.{0,400}<(\w+:)?Workbook\b",
        "an XML spreadsheet of 2003; open it in a spreadsheet and save it as XLSX",
    ),
    (r"<(\?xml|\w+[ >])", f"an XML file; {_SAVE}"),
    (r"MIME-Version:.{0,400}(multipart/related|mhtml)", "a web archive; open it and save as XLSX"),
    (
        r"(From|Return-Path|Received|Delivered-To|MIME-Version|Message-ID|X-[\w-]+|Subject):\s",
        "an e-mail; save its attachment first",
    ),
    (r"From \S+@\S+ ", "a mailbox; save the attachment first"),
    (r"[\[{]\s*[\[{\"\]}]", "JSON; convert it to CSV, or post it to the JSON API"),
    (r"ID;P", f"a SYLK file; {_SAVE}"),
    (r"%!PS", "a PostScript document"),
    (r"version https://git-lfs", "a pointer of Git LFS and not the file itself"),
    (r"dn: ", f"an LDIF file of contacts; {_EXPORT}"),
)


def check_kind(head: bytes) -> None:
    """Raise InvalidFile if a file that begins so is known to be something else than a list."""
    for sign, what in _BINARY:
        if head.startswith(sign):
            raise InvalidFile(f"the file is {what}")
    wide = head[:2] in (b"\xff\xfe", b"\xfe\xff")
    text = head.decode("utf-16" if wide else "utf-8-sig", "replace").lstrip()
    for pattern, what in _TEXT:
        if re.match(pattern, text, re.IGNORECASE | re.DOTALL):
            raise InvalidFile(f"the file is {what}")


def check_zip(names: frozenset[str]) -> None:
    """Raise InvalidFile for a zip archive, with these members, that is no spreadsheet."""
    found = next((what for name, what in _ZIPPED if any(name in each for each in names)), None)
    raise InvalidFile(
        f"the file is {found}"
        if found
        else "the file is a zip archive that is no XLSX workbook; unzip it, or save as CSV"
    )


_ZIPPED = (
    ("word/document.xml", f"a Word document; {_SAVE}"),
    ("ppt/", "a presentation"),
    ("xl/workbook.bin", "a binary Excel workbook (XLSB); save it as XLSX"),
    ("Index/Document.iwa", "a Numbers or Pages document; export it as CSV or XLSX"),
    ("Index.zip", "a Numbers or Pages document; export it as CSV or XLSX"),
    ("META-INF/container.xml", "an e-book"),
    ("content.xml", f"an OpenDocument text; {_SAVE}"),
)

"""Extract the sentences of the console into its catalogue, and compile both catalogues.

Run it after a sentence has changed; ``--check`` changes nothing and fails if it would.
"""

from __future__ import annotations

import ast
import io
import re
import sys
from collections.abc import Iterator
from gettext import GNUTranslations
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.utils.translation.template import templatize

ROOT = Path(__file__).parents[1]
CONSOLE = ROOT / "dispatcher/contrib/django/console"
PAGES = CONSOLE / "locale/fr/LC_MESSAGES/django.po"
LIBRARY = ROOT / "dispatcher/language/locale/fr/LC_MESSAGES/dispatcher.po"
_NAMES = {"_", "gettext", "gettext_lazy", "ngettext", "ngettext_lazy", "pgettext"}
_MARKED = re.compile(r"\b(ngettext|gettext|_)\(")

Entry = str | tuple[str, str]


def in_python(source: str) -> Iterator[Entry]:
    """The sentences that calls of gettext name."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in _NAMES:
            said = [one.value for one in node.args[:2] if isinstance(one, ast.Constant)]
            plural = getattr(node.func, "id", "").startswith("ngettext")
            yield (str(said[0]), str(said[1])) if plural else str(said[0])


def in_template(source: str) -> Iterator[Entry]:
    """The sentences of a template's tags."""
    marked = templatize(source)
    for found in _MARKED.finditer(marked):
        # templatize writes a call of gettext, and X in place of all else
        call = ast.parse(_balanced(marked, found.start()), mode="eval").body
        if isinstance(call, ast.Call):
            said = [str(one.value) for one in call.args[:2] if isinstance(one, ast.Constant)]
            yield (said[0], said[1]) if found[1] == "ngettext" else said[0]


def _balanced(text: str, start: int) -> str:
    """The call that begins there."""
    for end in range(start, len(text)):
        if text[end] == ")":
            try:
                ast.parse(text[start : end + 1].replace("\n", " "), mode="eval")
            except SyntaxError:
                continue
            return text[start : end + 1].replace("\n", " ")
    raise ValueError(text[start : start + 80])


def extracted() -> list[Entry]:
    """Every sentence of the console, in the order of its files."""
    found: dict[str, Entry] = {}
    for path in sorted(CONSOLE.rglob("*")):
        read = {".py": in_python, ".html": in_template}.get(path.suffix)
        for entry in read(path.read_text(encoding="utf-8")) if read else ():
            found.setdefault(entry if isinstance(entry, str) else entry[0], entry)
    return list(found.values())


def merged() -> Catalog:
    """The catalogue of the console with the sentences that it has now."""
    old = read(PAGES) if PAGES.exists() else Catalog(locale="fr")
    new = Catalog(locale="fr", charset="utf-8", fuzzy=False)
    for entry in extracted():
        before = old.get(entry if isinstance(entry, str) else entry[0])
        new.add(entry, string=before.string if before else None)
    return new


def read(path: Path) -> Catalog:
    """A catalogue. ``msgid`` and ``msgstr`` are its own."""
    with path.open("rb") as stream:
        return read_po(stream, locale="fr")


def compiled(catalogue: Catalog) -> bytes:
    """The binary form of a catalogue."""
    out = io.BytesIO()
    write_mo(out, catalogue)
    return out.getvalue()


def text(catalogue: Catalog) -> bytes:
    """The text of a catalogue, without dates."""
    out = io.BytesIO()
    write_po(out, catalogue, width=100, omit_header=True)
    head = (
        b'msgid ""\nmsgstr ""\n"Language: fr\\n"\n"Content-Type: text/plain; charset=utf-8\\n"\n'
        b'"Plural-Forms: nplurals=2; plural=(n > 1);\\n"\n\n'
    )
    return head + out.getvalue().lstrip()


def wanted() -> dict[Path, bytes]:
    """What the files of both catalogues should hold."""
    pages, library = _spaced(text(merged())), _spaced(LIBRARY.read_bytes())
    return {
        PAGES: pages,
        LIBRARY: library,
        PAGES.with_suffix(".mo"): compiled(read_po(io.BytesIO(pages), locale="fr")),
        LIBRARY.with_suffix(".mo"): compiled(read_po(io.BytesIO(library), locale="fr")),
    }


def _spaced(catalogue: bytes) -> bytes:
    """A catalogue whose French punctuation stays on the line of its word."""
    lines, french = [], False
    for line in catalogue.decode().split("\n"):
        french = line.startswith("msgstr") or (french and line.startswith('"'))
        said = re.sub(r" (?=[:;?!»€](?:[ .,)\"]|$))", "\xa0", line).replace("« ", "«\xa0")
        lines.append(said if french else line)
    return "\n".join(lines).encode()


def stale() -> dict[Path, bytes]:
    """The files that are not as they should be."""
    return {
        path: now
        for path, now in wanted().items()
        if not path.exists() or _holds(path, path.read_bytes()) != _holds(path, now)
    }


def _holds(path: Path, content: bytes) -> object:
    """What a file says, without the date and the tool of a binary one."""
    if path.suffix != ".mo":
        return content
    entries = vars(GNUTranslations(io.BytesIO(content)))["_catalog"]
    return {key: value for key, value in entries.items() if key}


def untranslated() -> list[object]:
    """The sentences without French."""
    entries = [one for path in (PAGES, LIBRARY) for one in read(path) if one.id]
    return [
        one.id
        for one in entries
        if not (all(one.string) if isinstance(one.string, tuple) else one.string)
    ]


def main() -> None:
    """Write what has changed."""
    found = stale()
    if "--check" in sys.argv and found:
        sys.exit(f"run scripts/catalogues.py: {', '.join(path.name for path in found)}")
    for path, now in found.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(now)
    if missing := untranslated():
        sys.exit("without French:\n" + "\n".join(map(str, missing)))


if __name__ == "__main__":
    main()

"""A text on its way: fields filled in, spelled for the wire, and as it arrives.

``compile_template(text).render(fields)`` makes one recipient's text, ``wire_text`` spells it for
the request, and ``as_sent`` of that is what arrives: what is read, counted and billed.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from dispatcher.errors import InvalidText
from dispatcher.segments import GSM_BASIC, GSM_EXTENDED, MAX_SEGMENTS, measure

if TYPE_CHECKING:
    from collections.abc import Mapping

# -- what the gateway does ---------------------------------------------------------------------

# its documented table, character by character; its typeset quotes are read as ASCII
_FROM: Final = "ÀÁÂÃÄÈÊËÎÔÖÙÚÛÜÝÑäáâãąçëêïîñôöóûüµÿ’‘`“«»°[{]}"
_TO: Final = "AAAAAEEEIOOUUUUYNaaaaàÇeeiinooouuuy''''\"\".(())"
_GATEWAY: Final = dict(zip(_FROM, _TO, strict=True)) | dict.fromkeys("^~|\\¨§", "") | {"œ": "oe"}
_listed = re.compile(f"[{re.escape(''.join(_GATEWAY))}]")
_FITTING: Final = GSM_BASIC | GSM_EXTENDED | set(_GATEWAY)
_ASCII: Final = "".join(char for char in _FITTING if char.isascii()).encode()


def as_sent(text: str) -> str:
    """A request's text as the gateway sends it on: tags resolved, characters replaced or deleted.

    What its published table does not list is left as it is, decomposed accents among them.
    """
    return _listed.sub(lambda match: _GATEWAY[match[0]], _resolved(text, "\r\n"))


def _resolved(text: str, newline: str = "\n") -> str:
    return text.replace(":br:", newline).replace(":euro:", "€") if ":" in text else text


# -- what is put in the request ----------------------------------------------------------------

#: what has no useful compatibility form in Unicode, or a worse one than this
_PLAIN: Final = (
    dict.fromkeys("“”„‟″", '"')
    | dict.fromkeys("‚‛′ʼ´‹›", "'")
    | dict.fromkeys("‐‑‒–—―−•", "-")
    | {"·": ".", "×": "x", "⁄": "/", "©": "(c)", "®": "(r)"}
    | dict.fromkeys("\u2028\u2029", "\n")
    | {"Œ": "OE", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "ı": "i"}
)
_invisible = re.compile("[\u00ad\u200b\u2060\ufeff]")
# “ is in the gateway's table, as an apostrophe; with ” it should make a pair
_known = re.escape("".join(sorted(_FITTING - {"“"})))
# a variation selector behind it makes a picture of a character, which has no plain form
_exotic = re.compile(f"[^{_known}](?!\ufe0f)")
_PLAINLY: Final = _FITTING - {"“"}
# where spelling a neighbour as a tag, or plainly, would make a tag that nobody wrote
_accident = re.compile("(?<=[:\n€])(?=(?:br|euro)[:\n€])")


def wire_text(text: str) -> str:
    """A text as it is put in a request: tags for line breaks and €, plain typography.

    Dashes, quotes, dots, odd spaces and accented letters that the gateway's table forgets get
    their nearest GSM-7 spelling, invisible marks go; emoji and other alphabets stay.
    """
    tagged = ":br" in text or ":euro" in text or "€" in text or not text.isprintable()
    if not tagged and _PLAINLY.issuperset(_beside_ascii(text)):
        return text  # as most are
    plain = _resolved(text)
    if not plain.isascii():
        plain = unicodedata.normalize("NFC", _invisible.sub("", plain))
        plain = _exotic.sub(lambda match: _plain(match[0]), plain)
    plain = plain.replace("\t", " ").replace("\r\n", "\n").replace("\r", "\n")
    if "br" in plain or "euro" in plain:
        plain = _accident.sub(" ", plain)
    return plain.replace("\n", ":br:").replace("€", ":euro:")


@lru_cache(maxsize=4096)
def _plain(char: str) -> str:
    if char in _PLAIN:
        return _PLAIN[char]
    apart = unicodedata.normalize("NFKD", char)
    bare = "".join(_PLAIN.get(part, part) for part in apart if not unicodedata.combining(part))
    return bare if bare.isascii() and bare.isprintable() and bare else char


# -- what is refused ---------------------------------------------------------------------------

_forbidden = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]").search
_stop = re.compile(
    r"\bSTOP[\s:]*(?:(?:par|SMS|au)\b[\s:]*)*3\d{4}\b|NoPub\s*=\s*STOP\b", re.IGNORECASE
).search


def check(text: str) -> None:
    """Raise ``InvalidText`` unless the text can be sent and arrives as something to read."""
    if not text.strip():
        raise InvalidText("The text is empty.")
    if bad := _forbidden(text):
        kind = "half a character" if "\ud800" <= bad[0] <= "\udfff" else "a control character"
        raise InvalidText(f"Position {bad.start() + 1} holds {kind} (U+{ord(bad[0]):04X}).")
    arriving = as_sent(wire_text(text))
    if not arriving.strip():
        raise InvalidText("Nothing of the text would arrive: every character is deleted.")
    segments = measure(arriving).segments
    if segments > MAX_SEGMENTS:
        raise InvalidText(f"The text takes {segments} segments; the most is {MAX_SEGMENTS}.")


def needs_unicode(text: str) -> bool:
    """Whether what arrives holds a character outside GSM-7, so that Unicode must be asked for."""
    return wire_needs_unicode(wire_text(text))


def wire_needs_unicode(text: str) -> bool:
    """The same of a text, or of many, as ``wire_text`` spells them."""
    # what the gateway's table does not list is sent on as it is, and all that it lists becomes
    # GSM-7; of most texts nothing but ASCII is left to look at
    return not _FITTING.issuperset(_beside_ascii(text))


def _beside_ascii(text: str) -> str:
    """What of a text is not the ASCII that fits GSM-7: nothing, or some accents."""
    rest = text.encode("utf-8", "surrogatepass").translate(None, _ASCII)
    return rest.decode("utf-8", "surrogatepass") if rest else ""


def has_stop(text: str) -> bool:
    """Whether the text itself says how to opt out (``STOP au 36180``, ``NoPub=STOP``)."""
    return _stop(text) is not None


# -- fields ------------------------------------------------------------------------------------

_brace = re.compile(r"\{\{|\{%|\}\}").search
_field = re.compile(
    r"\{\{\s*+(?P<name>\w[\w\u0300-\u036f-]*+(?:[ ]++[\w\u0300-\u036f-]++)*+)\s*+"
    r"(?P<default>\|\s*+default\s*+\(\s*+(?:\"(?P<double>[^\"{}]*+)\"|'(?P<single>[^'{}]*+)')"
    r"\s*+\)\s*+)?\}\}"
)
_breaks = re.compile("[\t\n\v\f\r\x85\u2028\u2029]+")
_unseen = re.compile("[\x00-\x1f\x7f-\x9f\u00ad\u200b\u2060\ufeff]")


class MissingField(InvalidText):
    """Raised when a recipient has nothing under a field that has no default."""

    def __init__(self, field: str) -> None:
        super().__init__(f"The field “{field}” is missing or empty.")
        self.field = field


@dataclass(frozen=True, slots=True)
class Template:
    """A campaign's text with its ``fields``, in the order in which they first appear.

    Made by ``compile_template``. ``required`` are the fields that stand somewhere without a
    default.
    """

    text: str
    fields: tuple[str, ...]
    required: tuple[str, ...]
    #: what stands between the fields, their tags resolved; one more than there are slots
    literals: tuple[str, ...] = field(repr=False)
    #: each place of a field: its name, and its default if it has one
    slots: tuple[tuple[str, str | None], ...] = field(repr=False)
    _pattern: str = field(repr=False)

    def render(self, fields: Mapping[str, str]) -> str:
        """One recipient's text; raises ``MissingField``.

        A value is trimmed, loses control and invisible characters and its line breaks, and is
        never read as a field or as one of the gateway's tags.
        """
        if not self.slots:
            return self.text
        values = []
        for name, default in self.slots:
            value = fields.get(name, "").strip()
            if not value.isprintable():
                value = _unseen.sub("", _breaks.sub(" ", value)).strip()
            if not value:
                if default is None:
                    raise MissingField(name)
                value = default
            values.append(value)
        text = self._pattern % tuple(values)
        # the author's tags were resolved when compiling: one that is here came with a value
        may_tag = ":" in text and ("br" in text or "euro" in text)
        return _accident.sub(" ", text) if may_tag else text


def without_fields(text: str) -> str:
    """A text's own words."""
    return _field.sub("", text)


def compile_template(text: str) -> Template:
    """The template of a campaign's text, with ``{{ field }}`` and ``{{ field | default("…") }}``.

    A field's name is matched as it is written. Raises ``InvalidText`` at any other ``{{``,
    ``{%`` or ``}}``.
    """
    slots: list[tuple[str, str | None]] = []
    literals = []
    done = 0
    while brace := _brace(text, done):
        found = _field.match(text, brace.start())
        if found is None:
            raise InvalidText(_complaint(text, brace))
        default = found["double"] or found["single"] or ""
        slots.append((found["name"], _resolved(default) if found["default"] else None))
        literals.append(text[done : brace.start()])
        done = found.end()
    literals.append(text[done:])
    return Template(
        text=text,
        fields=tuple(dict.fromkeys(name for name, _ in slots)),
        required=tuple(dict.fromkeys(name for name, default in slots if default is None)),
        literals=tuple(map(_resolved, literals)),
        slots=tuple(slots),
        _pattern="%s".join(_resolved(each).replace("%", "%%") for each in literals),
    )


def _complaint(text: str, brace: re.Match[str]) -> str:
    if brace[0] == "}}":
        what = "“}}” closes nothing"
    elif brace[0] == "{{" and "}}" not in text[brace.end() :]:
        what = "“{{” is never closed"
    else:
        what = 'only {{ field }} and {{ field | default("…") }} are understood'
    return f"Position {brace.start() + 1}: {what}."

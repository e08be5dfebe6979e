"""The spelling of a text in the request, and as it arrives.

``wire_text`` spells the text of one recipient for the request; ``as_sent`` of that is the text
that arrives, is counted and is billed.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final

from dispatcher.texts.marks import without_marks
from dispatcher.texts.rendered import said_in
from dispatcher.texts.segments import GSM_BASIC, GSM_EXTENDED

# -- what the gateway does ---------------------------------------------------------------------

# the table that the gateway documents; its typographic quotes mean ASCII ones
_FROM: Final = "ÀÁÂÃÄÈÊËÎÔÖÙÚÛÜÝÑäáâãąçëêïîñôöóûüµÿ’‘`“«»°[{]}"
_TO: Final = "AAAAAEEEIOOUUUUYNaaaaàÇeeiinooouuuy''''\"\".(())"
_GATEWAY: Final = dict(zip(_FROM, _TO, strict=True)) | dict.fromkeys("^~|\\¨§", "") | {"œ": "oe"}
_listed = re.compile(f"[{re.escape(''.join(_GATEWAY))}]")
_FITTING: Final = GSM_BASIC | GSM_EXTENDED | set(_GATEWAY)
_ASCII: Final = "".join(char for char in _FITTING if char.isascii()).encode()


def as_sent(text: str) -> str:
    """The text of a request as the gateway sends it: tags resolved, characters replaced or deleted.

    Characters that its published table does not list stay, for example decomposed accents.
    """
    return _listed.sub(lambda match: _GATEWAY[match[0]], resolved(text, "\r\n"))


def resolved(text: str, newline: str = "\n") -> str:
    """A text with the gateway's tags ``:br:`` and ``:euro:`` replaced by what they mean."""
    return text.replace(":br:", newline).replace(":euro:", "€") if ":" in text else text


# -- what is put in the request ----------------------------------------------------------------

#: plain spellings of characters without a good compatibility form in Unicode
_PLAIN: Final = (
    dict.fromkeys("“”„‟″", '"')
    | dict.fromkeys("‚‛′ʼ´‹›", "'")
    | dict.fromkeys("‐‑‒–—―−•", "-")
    | {"·": ".", "×": "x", "⁄": "/", "©": "(c)", "®": "(r)"}
    | dict.fromkeys("\u2028\u2029", "\n")
    # a blank pattern of Braille, with which people fill what must not be empty
    | {"\u2800": " "}
    | {"Œ": "OE", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "ı": "i"}
)
# the gateway's table makes “ an apostrophe; here it becomes a quote, as ” does
_known = re.escape("".join(sorted(_FITTING - {"“"})))
# a character before a variation selector or a joiner is a picture, which has no plain form
_exotic = re.compile(f"[^{_known}](?![\ufe0e\ufe0f\u200d])")
_AS_IT_IS: Final = frozenset(char for char in _FITTING - {"“", "€"} if char.isprintable())
_PRINTED: Final = "".join(char for char in _AS_IT_IS if char.isascii()).encode()
# places where the plain spelling of a neighbour would form a tag that nobody wrote
_accident = re.compile("(?<=[:\n€])(?=(?:br|euro)[:\n€])")


def without_accidents(text: str) -> str:
    """The text with blanks where a tag that nobody wrote would form."""
    return _accident.sub(" ", text)


def wire_text(text: str) -> str:
    """A text as it stands in a request: tags for line breaks and €, plain typography.

    Dashes, quotes, dots, unusual spaces and accented letters that the gateway's table lacks get
    the nearest GSM-7 spelling. Marks that nobody sees are removed. Emoji and other alphabets stay.
    """
    if _is_plain(text):
        return text
    plain = resolved(text)
    if not plain.isascii():
        plain = unicodedata.normalize("NFC", without_marks(plain))
        plain = _exotic.sub(lambda match: _plain(match[0]), plain)
    plain = plain.replace("\t", " ").replace("\r\n", "\n").replace("\r", "\n")
    if "br" in plain or "euro" in plain:
        plain = without_accidents(plain)
    return plain.replace("\n", ":br:").replace("€", ":euro:")


def wire_texts(texts: list[str]) -> list[str]:
    """Each text as ``wire_text`` spells it; checks all at once, which is quicker."""
    return texts if _is_plain(said_in(texts)) else [wire_text(text) for text in texts]


def _is_plain(text: str) -> bool:
    """True if the wire spelling is the text itself, as for most texts."""
    tagged = ":br" in text or ":euro" in text
    return not tagged and _AS_IT_IS.issuperset(_beside_ascii(text, _PRINTED))


@lru_cache(maxsize=4096)
def _plain(char: str) -> str:
    if char in _PLAIN:
        return _PLAIN[char]
    apart = unicodedata.normalize("NFKD", char)
    bare = "".join(_PLAIN.get(part, part) for part in apart if not unicodedata.combining(part))
    return bare if bare.isascii() and bare.isprintable() and bare else char


# -- what needs Unicode -------------------------------------------------------------------------


def needs_unicode(text: str) -> bool:
    """True if the text arrives with a character outside GSM-7, so the request needs Unicode."""
    return wire_needs_unicode(wire_text(text))


def wire_needs_unicode(text: str) -> bool:
    """``needs_unicode`` for one text, or several joined, in the spelling of ``wire_text``."""
    # the gateway turns every character in its table into GSM-7 and sends all others unchanged;
    # most texts are ASCII, which the translation below removes
    return not _FITTING.issuperset(_beside_ascii(text))


def _beside_ascii(text: str, fitting: bytes = _ASCII) -> str:
    """The characters of a text that are not ASCII of GSM-7: mostly none, or some accents."""
    rest = text.encode("utf-8", "surrogatepass").translate(None, fitting)
    return rest.decode("utf-8", "surrogatepass") if rest else ""

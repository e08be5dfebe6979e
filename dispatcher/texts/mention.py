"""The STOP mention: whether a text itself says how to opt out.

A mention that is overlooked costs a second one; a wrong guess would let an advertisement leave
without any. So a mention must be sure: what may be a quantity ("NON STOP 36000 articles") or a shop
with its postal code ("Pit Stop 36100 Issoudun") is none.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from dispatcher.texts.spelling import resolved

_SIGN: Final = r"[\s\"'`«»“”‘’(){}\[\]<>:;,.=/*_|!→°-]"
_WORD: Final = (
    r"(?:a|at|au|aux|by|court|envoye[rz]?|gratuit(?:ement)?|le|n|no|num|numero|par|sms|texto|to)"
)
# the short code of five digits, which may be written in groups
_mention = re.compile(
    rf"(?<![^\W_])(?P<stop>stop)(?P<between>(?:{_SIGN}{{1,9}}{_WORD}\b)*{_SIGN}{{0,9}})"
    r"(?P<code>3(?:[\s.-]?\d){4})(?!\d)",
    re.IGNORECASE,
).finditer
_nopub = re.compile(r"\bnopub\s*[=:-]?\s*stop\b", re.IGNORECASE).search
#: a word that only a mention has between "STOP" and the number
_certain = re.compile(r"\b(?:au|by|court|envoye[rz]?|num(?:ero)?|par|sms|texto|to)\b", re.I).search
_negated = re.compile(r"(?<![^\W_])no[nt]?[^\S\n\r]*[-_'’]?[^\S\n\r]*$", re.IGNORECASE).search
# words right before "STOP" that say what it is for
_asked = re.compile(
    r"(?:desabo\w*|desinscri\w*|ne plus recevoir)[^\w\n\r]*\Z", re.IGNORECASE
).search
# marketing and transactional codes; most that end in 000 are the postal codes of large towns
_short_code = re.compile(r"3[68](?!000)\d{3}").fullmatch
# a word right before "STOP" on its line; and one that makes both a name: "One-stop", "bar Le Stop"
_after_word = re.compile(r"[^\W_][^\S\n\r]*[\"'«“‘]?[^\S\n\r]*\Z").search
_name = re.compile(
    r"[^\W_][-'’&+]$|(?<![^\W_])(?:au|auto|bar|boulangerie|cafe|camping|chez|de|du|full|garage|hotel"
    r"|la|le|les|l|one|pit|pizzeria|relais|restaurant|snack|tabac|the|un)"
    r"[^\S\n\r]*[-\"'«“‘’]?[^\S\n\r]*$",
    re.IGNORECASE,
).search
# after the number: the end of its line, or what it is for
_end = re.compile(
    r"[^\w\n\r%€$]*(?:$|[\n\r])"
    r"|[^.!?\n\r]{0,40}\b(?:ne plus|desabonn|desinscri|surtax|unsubscri)",
    re.IGNORECASE,
).match
# or the end of its sentence, a word that begins such a phrase, a link, a name such as MaBoutique
_break = re.compile(
    r"[^\S\n\r]*[-(]?[^\S\n\r]*(?:[.!?;)\"'»”|/](?![^\W_])"
    r"|(?i:afin|appel|cout|et|gratuit|if|merci|non|or|ou|par|pour|prix|sans|si|sms|sur|svp|tarif|to"
    r"|via)\b"
    r"|(?i:https?:|www\.)|[a-z\d-]+\.[a-z]{2}|[A-Z][a-z]+[A-Z])"
).match
# "STOP : 36180 MABOUTIQUE": nobody points from the name of a shop to its town
_pointing = re.compile("[:=>→]").search
_capital = re.compile(r"[^\S\n\r]*-?[^\S\n\r]*[A-Z]").match
#: how far before "STOP" what is said of it may stand
_BEFORE: Final = 20


def has_stop(text: str) -> bool:
    """True if the text itself says how to opt out (``STOP au 36180``, ``NoPub=STOP``).

    ``text`` is in the spelling of a request, or as it arrives.
    """
    if "stop" not in text.lower():  # nearly always
        return False
    plain = resolved(text)
    if not plain.isascii():
        plain = re.sub("[\u0300-\u036f]+", "", unicodedata.normalize("NFKD", plain))
    if _nopub(plain):
        return True
    return any(_is_mention(found, plain) for found in _mention(plain))


def _is_mention(found: re.Match[str], text: str) -> bool:
    before = text[max(0, found.start() - _BEFORE) : found.start()]
    if _negated(before):
        return False
    if _certain(found["between"]) or _asked(before):
        return True
    code = re.sub(r"\D", "", found["code"])
    if not _short_code(code) or "," in found["between"] or _name(before):
        return False
    at = found.end()
    if _end(text, at):
        return True
    if _pointing(found["between"]):
        return bool(_break(text, at) or _capital(text, at))
    return found["stop"].isupper() and not _after_word(before) and bool(_break(text, at))

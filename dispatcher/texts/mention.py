"""The STOP mention: whether a text itself says how to opt out.

A mention that is overlooked costs a second one; a wrong guess would let an advertisement leave
without any. So what reads as a quantity ("NON STOP 36000 articles") is none.
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
    rf"(?<![^\W_])stop(?P<between>(?:{_SIGN}{{1,9}}{_WORD}\b)*{_SIGN}{{0,9}})(?:3(?:[\s.-]?\d){{4}})(?!\d)",
    re.IGNORECASE,
).finditer
_nopub = re.compile(r"\bnopub\s*[=:-]?\s*stop\b", re.IGNORECASE).search
#: a word that only a mention has between "STOP" and the number
_certain = re.compile(r"\b(?:au|by|court|envoye[rz]?|num(?:ero)?|par|sms|texto|to)\b", re.I).search
_negated = re.compile(r"(?<![^\W_])no[nt]?[^\S\n\r]*[-_'’]?[^\S\n\r]*$", re.IGNORECASE).search
# after a number that may be a quantity: its unit, more digits, or a word in small letters that
# does not begin a phrase such as "pour ne plus recevoir"
_quantity = re.compile(
    r"[^\S\n\r]*(?:[%€$]|[.,]?\d{3}(?!\d)|,\d|(?i:abonnes?|articles?|cadeaux?|clients?|emplois?"
    r"|euros?|fans?|heures?|jours?|km|kg|litres?|lots?|m2|metres?|modeles?|offres?|paires?"
    r"|personnes?|pieces?|places?|points?|produits?|references?|tonnes?|unites?)\b"
    r"|(?!(?:afin|appel|cout|et|gratuit|https?|if|merci|non|or|ou|par|pour|prix|sans|si|sms|sur|svp|tarif|to"
    r"|via|www)\w*\b)[a-z]{2})"
).match
#: how far before "STOP" its negation may stand
_BEFORE: Final = 12


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
    return any(
        not _negated(plain[max(0, found.start() - _BEFORE) : found.start()])
        and (_certain(found["between"]) or not _quantity(plain, found.end()))
        for found in _mention(plain)
    )

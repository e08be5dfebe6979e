"""Whether a reply refuses further texts: clearly, probably, or not at all.

People write STOP in their own way. A refusal at the beginning of a reply, or one that stands
alone, is clear. Words of refusal anywhere else, or in a question, are a probable refusal, which
a person decides. Pure.
"""

from __future__ import annotations

import re
import unicodedata
from enum import Enum
from typing import Final


class Refusal(Enum):
    """How clearly a reply refuses further texts."""

    NONE = "none"
    PROBABLE = "probable"
    CLEAR = "clear"


# All patterns are for the plain spelling of a reply: see ``_plain``.
#: words of refusal by their beginning: stopper, arrêtez, désabonnez-moi, désinscription, cessez
_STEM: Final = (
    r"\b(?:stop|arret|des+abo|des+ins?cri|unsub|unsus"
    r"|(?:cesse[rz]?|stpo|sotp|tsop|optout|aret(?:e[rz])?)\b)"
)
_TEXTS: Final = r"(?:sms|texto|message|msg|pub|mail|promo|offre|notif|spam)"
_WANT: Final = r"(?:(?:veu|souhait|desir|voudr|voul)\w* )"
_DO: Final = (
    r"(?:rece|recoi|envo[iy]|ecri|contact|sollicit|derang|harcel|text|spam|embet|appel|relanc)"
)
_ME: Final = (
    r"(?:moi|nous|(?:mon|ce) (?:num|nom|contact|tel)\w*|mes (?:coord|donn)\w*"
    r"|de (?:la|votre) liste)"
)
_PHRASES: Final = (
    # ne plus recevoir, je ne souhaite plus être contacté, veux pas recevoir
    rf"(?:ne )?(?:{_WANT}(?:plus|pas)|plus|(?<=ne )pas) (?:\w+ )?{_DO}",
    # plus de sms, je ne veux plus de vos messages, plus jamais de pub
    rf"(?:ne )?{_WANT}?plus (?:jamais |aucun\w* )?(?:de |d )?(?:vos |votre |ces )?{_TEXTS}",
    rf"(?:ne )?{_WANT}pas (?:de |d )(?:vos |votre |ces )?{_TEXTS}",
    # ne m'envoyez plus, n'écrivez plus, me contactez plus
    rf"(?:ne |n |m |me |nous ){{1,2}}{_DO}\w* (?:moi )?(?:plus|jamais)\b",
    rf"{_DO}\w* (?:moi |nous )?plus (?:rien|jamais)\b",
    # retirez-moi, supprimez mon numéro
    rf"(?:retir|enlev|supprim|ray|effac|sort)\w* {_ME}\b",
    r"laiss\w* (?:moi|nous) tranquil|(?:fout|fich)\w* (?:moi|nous) la paix|lach\w* moi\b",
    r"remove me\b|take me off\b|no more (?:text|sms|mess)|opt (?:me )?out\b|leave me alone\b",
    r"(?:do not|don t|dont) (?:text|send|contact|message)",
)
_PHRASE: Final = rf"\b(?:{'|'.join(_PHRASES)})"
#: what operators take for STOP when it stands alone
_ALONE: Final = r"(?:end|quit|cancel|revoke)$"
#: what may stand before a clear refusal
_POLITE: Final = (
    r"(?:(?:bonjour|bonsoir|salut|hello|svp|stp|please|s il (?:vous|te) plait|merci de?|veuillez"
    r"|priere de|madame|monsieur|je|me|\d+) )*"
)
_CLEAR: Final = re.compile(rf"{_POLITE}({_STEM}|{_PHRASE}|{_ALONE})")
#: no refusal in so many words; the first ones stand alone
_HINT: Final = (
    r"^(?:fin|quitter|annul\w*|sto|st op|sto p|st p|arr et|basta|plus (?:rien|jamais)|non? ?stop)$"
    rf"|^(?:pas|aucun\w*) (?:de |d )?{_TEXTS}\w*(?: (?:svp|stp|merci))?$|\bnonstop|\bresili"
    r"|\bassez de\b|\bmarre de\b|\bca suffit|\b(?:plus|pas) interess|\bwrong number"
    r"|\b(?:mauvais|faux|erreur de|trompe\w* de) numero"
)
_PROBABLE: Final = re.compile(rf"{_STEM}|{_PHRASE}|{_HINT}")
#: "STOP ou pas": the person has not decided either
_OR: Final = re.compile(r"\w+ (?:ou|or)\b")
_SPELT_OUT: Final = re.compile(r"\b\w(?: \w\b)+")
_ZERO: Final = re.compile(r"(?<=[a-z])0(?=[a-z])")
#: Cyrillic and Greek letters that look, or sound, like those of "stop"
_ALIKE: Final = str.maketrans("\u0455\u0441\u0442\u043e\u043f\u0440\u03c4\u03bf\u03c1", "sstopptop")
#: letters that nobody sees (Hangul fillers); other invisible characters have a category of theirs
_BLANK: Final = "\u115f\u1160"


def refusal_of(text: str) -> Refusal:
    """How clearly a reply refuses further texts."""
    plain = _plain(text)
    if clear := _CLEAR.match(plain):
        asks = "?" in unicodedata.normalize("NFKC", text) or _OR.match(plain, clear.start(1))
        return Refusal.PROBABLE if asks else Refusal.CLEAR
    return Refusal.PROBABLE if _PROBABLE.search(plain) else Refusal.NONE


def _plain(text: str) -> str:
    """Lower case, no marks, no invisible characters, and single blanks for all but letters.

    Letters that are spelt out are one word: "S.T.O.P" is "stop".
    """
    folded = unicodedata.normalize("NFKC", text.replace("\N{OCTAGONAL SIGN}", " stop ")).casefold()
    letters = map(_letter, unicodedata.normalize("NFKD", folded))
    words = " ".join("".join(letters).split())
    joined = _SPELT_OUT.sub(lambda found: found[0].replace(" ", ""), words)
    return _ZERO.sub("o", joined.translate(_ALIKE))


def _letter(character: str) -> str:
    category = unicodedata.category(character)
    if category[0] == "M" or category == "Cf" or character in _BLANK:
        return ""
    return character if character.isalnum() else " "

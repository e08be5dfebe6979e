"""What looks like a field of another program: {prenom}, %PRENOM%, [PRENOM]. It is sent as it is."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_NAME: Final = r"[^\W\d_]\w{0,40}"
#: how programs that merge letters write a field; longer forms first
_sure = re.compile(
    rf"\*\|\s*(?P<chimp>{_NAME})\s*\|\*|\$?\{{\s*(?P<brace>{_NAME}(?:[ '’.-]\w+)*)\s*\}}\}}?"
    rf"|%%?(?P<percent>{_NAME})%%?(?!\w)|\[\[?\s*(?P<bracket>{_NAME})\s*\]\]?"
    rf"|<<\s*(?P<angles>{_NAME})\s*>>|__(?P<lines>[^\W\d_]+)__"
)
#: signs that also mean something else: only with the name of a usual field
_unsure = re.compile(
    rf"<\s*(?P<angle>{_NAME})\s*>|«\s*(?P<word>{_NAME})\s*»|##?(?P<hash>{_NAME}?)##?"
    rf"|(?<!\w)[$@](?P<dollar>{_NAME})"
)
_USUAL: Final = re.compile(
    "adresse|city|civilite|client|code|codepromo|date|email|entreprise|firstname|heure|lastname|lien"
    "|magasin|mobile|montant|name|nom|nomclient|nomfamille|prenom|rdv|societe|tel|telephone|url|ville"
)
_opened = re.compile(rf"\{{(?:\{{\s*({_NAME})(?!\w|[.(\[])|%-?\s*({_NAME})\s*(?:-?%)?\}})").match
_closed = re.compile(rf"\{{\s*({_NAME})\s*$").search
#: how much of a text before a brace is looked at
_BEFORE: Final = 60


def likely_fields(text: str) -> dict[str, str]:
    """What looks like a field in a text without fields, with the name that may be meant."""
    found = {match[0]: _name(match) for match in _sure.finditer(text)}
    for match in _unsure.finditer(_sure.sub(" ", text)):
        if _USUAL.fullmatch(_folded(_name(match))):
            found.setdefault(match[0], _name(match))
    return found


def meant_at(text: str, position: int) -> str | None:
    """The name of the field that is meant where a brace is wrong, if it can be guessed."""
    found = _opened(text, position) or _closed(text[max(0, position - _BEFORE) : position])
    return _name(found) if found else None


def _name(match: re.Match[str]) -> str:
    name: str = next(filter(None, match.groups()))
    return name.lower() if name.isupper() else name


def _folded(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name).casefold()
    return "".join(char for char in plain if char.isalnum())

"""Names of columns: which hold phone numbers, a territory, a key, the date of a last contact."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

# Patterns for the name of a phone column, the best first: of "Téléphone" and "Portable", the
# second holds the mobile number. They match names after fold().
_PHONE_NAMES = (
    re.compile(
        r"(n|no|num|numero)?(de|du)?(tel|telephone|phone)?"
        r"(portable|mobile|gsm|cell|cellulaire|msisdn)(phone|telephone|number)?1?"
    ),
    re.compile(r"(n|no|num|numero)?(de|du)?(tel|telephone|phone)(number)?1?"),
    re.compile(r"num|numero|number|e164|destinataire|recipient"),
)
# further numbers of the same person: "Téléphone 2", "Tél. fixe", "Portable pro"
_OTHER_PHONE = re.compile(
    r"(\d|autre|other|2e|2eme|home|work|business|office|main|primary|secondary|other)?"
    r"(n|no|num|numero)?(de|du)?(tel|telephone|phone|mobile|portable|gsm|cell)(phone)?"
    r"(de|du|a|au)?"
    r"([1-9](value|valeur)?|fixe|domicile|maison|bureau|travail|pro|professionnel|perso|personnel|principal"
    r"|secondaire|autre|home|work|business|office|main|primary|secondary|other)?"
)
_MOBILE = re.compile(r"mobile|portable|gsm|cell")
#: numbers of anybody near the person: "Mobile père", "Tél. assistante"
_SOMEBODYS_PHONE = re.compile(r"\d?(n|no|num|numero)?(de|du)?(tel|phone|mobile|portable|gsm)")
_TERRITORY_NAMES = frozenset({"territoire", "territory"})
#: others, such as "client_id", only where the caller says so: what nobody needs is not stored
_KEY_NAMES = frozenset({"key", "cle"})
_last_contact = re.compile(r"lastcontact(at|date|on)?|(datedu|date)?derniercontact").fullmatch


def fold(name: str) -> str:
    """The name of a column without case, accents, spaces and punctuation."""
    decomposed = unicodedata.normalize("NFKD", name).casefold()
    return "".join(character for character in decomposed if character.isalnum())


def phone_columns(names: Sequence[str]) -> list[int]:
    """Positions of the columns whose names fit a mobile number best; several are ambiguous."""
    folded = [fold(name) for name in names]
    for pattern in _PHONE_NAMES:
        if found := [at for at, name in enumerate(folded) if pattern.fullmatch(name)]:
            return found
    return []


def phones_of(names: Sequence[str]) -> tuple[list[int], bool]:
    """Positions of all columns that may hold a person's mobile number, the likeliest first.

    With them, whether a person would know which counts: the first one of a row that is a mobile.
    """
    best = phone_columns(names)
    others = [
        at for at, name in enumerate(names) if _OTHER_PHONE.fullmatch(fold(name)) and at not in best
    ]
    if len(best) == 1 or not others:
        return best + others, len(best) == 1
    # "Mobile" and "GSM", or "Mobile pro" and "Mobile perso": nobody can tell
    mobiles = [at for at in others if _MOBILE.search(fold(names[at]))]
    return best + others, not best and len(mobiles) < 2


def every_phone(names: Sequence[str]) -> list[int]:
    """Positions of all columns that may hold numbers, of the person or somebody near."""
    found, _ = phones_of(names)
    others = [at for at, name in enumerate(names) if _SOMEBODYS_PHONE.match(fold(name))]
    return found + [at for at in others if at not in found]


def territory_column(names: Sequence[str]) -> int | None:
    """Position of the column that sets the territory, if there is one."""
    return next((at for at, name in enumerate(names) if fold(name) in _TERRITORY_NAMES), None)


def is_key(name: str) -> bool:
    """True if a column of this name holds the caller's own key of each person."""
    return fold(name) in _KEY_NAMES


def key_column(names: Sequence[str]) -> int | None:
    """Position of the column of keys; None if there is none, or several."""
    found = [at for at, name in enumerate(names) if is_key(name)]
    return found[0] if len(found) == 1 else None


def last_contact_column(names: Sequence[str]) -> int | None:
    """Position of the column of the dates of last contacts; None if there is none, or several."""
    found = [at for at, name in enumerate(names) if _last_contact(fold(name))]
    return found[0] if len(found) == 1 else None

"""A made-up list of customers in the spellings of French spreadsheets."""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from dispatcher.recipients.files import NewFile

HEADER: Final = ("Prénom", "Téléphone", "Ville")
ENCODING: Final = "cp1252"

# fmt: off
_NAMES: Final = (
    "Zoé", "Léa", "Chloé", "Inès", "Maëlle", "Anaïs", "Héloïse", "Françoise", "Agnès", "Noémie",
    "Camille", "Aïcha", "Fatou", "Marie-Ève", "Loïc", "Gaël", "Jérôme", "Théo", "Raphaël", "Noël",
    "André", "François", "Éric", "Mickaël", "Yann", "Karim", "Jean-Noël", "Hugo", "D’Artagnan", "",
)
_TOWNS: Final = (
    "Paris", "Lyon", "Marseille", "Besançon", "Évry", "Nîmes", "Orléans", "Saint-Étienne",
    "L’Haÿ-les-Roses", "Angoulême", "Fécamp", "Nœux-les-Mines", "Châteauroux", "Béziers",
    "Strasbourg", "Le Pré-Saint-Gervais", "Brest", "Lille", "Saint-Malo\n(intra-muros)",
    "Aix; Provence", "Bourg-en-Bresse",
)
# fmt: on

#: numbers that ARCEP assigns to nobody: 10,000 mobiles, and landlines of each area
_FICTION: Final = "63998"
_FICTION_LANDLINES: Final = ("19900", "26191", "35301", "46571", "53649")
#: country code, first digits of its mobiles, a town
_OVERSEAS: Final = (
    ("262", "692", "Saint-Denis de La Réunion"),
    ("262", "639", "Mamoudzou"),
    ("590", "690", "Pointe-à-Pitre"),
    ("596", "696", "Fort-de-France"),
    ("594", "694", "Cayenne"),
)
_RUBBISH: Final = ("à rappeler", "néant", "?", "06 39 98", "voir fiche", "0", "", "n° inconnu")


def _pairs(nine: str, between: str) -> str:
    """Nine digits as French people write them: one, then pairs."""
    return between.join([nine[0], *(nine[at : at + 2] for at in range(1, 9, 2))])


#: how a mobile is written, from its country code and its nine digits
_SPELLINGS: Final[tuple[Callable[[str, str], str], ...]] = (
    lambda _, nine: "0" + _pairs(nine, " "),
    lambda _, nine: "0" + nine,
    lambda _, nine: "0" + _pairs(nine, "."),
    lambda _, nine: "0" + _pairs(nine, "-"),
    lambda _, nine: "0" + _pairs(nine, "\xa0"),
    lambda _, nine: f" 0{_pairs(nine, ' ')} ",
    # a spreadsheet took it for a number
    lambda _, nine: nine,
    lambda code, nine: f"+{code}{nine}",
    lambda code, nine: f"+{code} {_pairs(nine, ' ')}",
    lambda code, nine: f"+{code} (0){_pairs(nine, ' ')}",
    lambda code, nine: f"00{code}{nine}",
    lambda code, nine: f"00{code} {_pairs(nine, '.')}",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Customers:
    """The counts of a made-up file, which a reader has to find."""

    rows: int
    recipients: int
    duplicates: int
    unusable: int
    overseas: int
    #: some of the recipients, in E.164
    phones: tuple[str, ...] = field(repr=False)


def write_customers(path: Path, *, rows: int = 5000, seed: int = 2027) -> Customers:
    """Write a file with so many rows and one empty line; the same ``seed`` writes the same file.

    ``rows`` is 20 to 10,000, because there are no more numbers that belong to nobody.
    """
    chance = random.Random(seed)  # noqa: S311 - nothing secret
    overseas, doubled, landlines, rubbish = rows // 50, rows // 25, rows // 50, rows // 250
    single = rows - overseas - doubled - landlines - rubbish
    people = [("33", f"{_FICTION}{n:04d}") for n in chance.sample(range(10_000), single)]

    def line(phone: str, town: str = "") -> tuple[str, str, str]:
        return chance.choice(_NAMES), phone, town or chance.choice(_TOWNS)

    # the first lines show every spelling, of numbers that belong to nobody
    shown = len(_SPELLINGS)
    first = [line(spell(*person)) for spell, person in zip(_SPELLINGS, people[:shown], strict=True)]
    rest = [
        line(chance.choice(_SPELLINGS)(*person))
        for person in people[shown:] + chance.sample(people, doubled)
    ]
    for n in range(overseas):
        code, begin, town = _OVERSEAS[n % len(_OVERSEAS)]
        rest.append(line(chance.choice(_SPELLINGS)(code, f"{begin}{n:06d}"), town))
    rest += [
        line("0" + _pairs(f"{chance.choice(_FICTION_LANDLINES)}{n:04d}", " "))
        for n in range(landlines)
    ]
    rest += [line(_RUBBISH[n % len(_RUBBISH)]) for n in range(rubbish)]
    chance.shuffle(rest)
    file = NewFile(path)
    file.stream.write(_file(first + rest))
    file.close()
    return Customers(
        rows=rows,
        recipients=single + overseas,
        duplicates=doubled,
        unusable=landlines + rubbish,
        overseas=overseas,
        phones=tuple(f"+{code}{nine}" for code, nine in people),
    )


def _file(lines: list[tuple[str, str, str]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";", lineterminator="\r\n")
    writer.writerow(HEADER)
    half = len(lines) // 2
    writer.writerows(lines[:half])
    text.write("\r\n")
    writer.writerows(lines[half:])
    return text.getvalue().encode(ENCODING)

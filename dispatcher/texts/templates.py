"""Templates: the text of a campaign with fields, filled in for each recipient.

``compile_template(text).render(fields)`` makes one recipient's text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from dispatcher.errors import InvalidText
from dispatcher.texts.likely_fields import meant_at
from dispatcher.texts.marks import without_marks
from dispatcher.texts.rendered import Rendered
from dispatcher.texts.spelling import resolved, without_accidents

_brace = re.compile(r"\{\{|\{%|\}\}").search
_field = re.compile(
    # No possessive quantifier around a group: Python before 3.11.5 reads it wrongly.
    # A name is that of a column, which may hold any sign: Nom de l'enfant, Montant (€), N° client.
    # x.y and x() are refused: those who write them expect a programming language.
    r"\{\{\s*+(?!\w++(?<=\w\w)(?:\.\w\w|\(\)))(?P<name>[^\s{}|][^\n{}|]*+)\s*+"
    r"(?P<filter>\|[^{}]*+)?\}\}"
)
# as here, and as Django and Liquid have it: default("…"), default:"…"
_default = re.compile(r"\|\s*+default\s*+(?:\((?P<argument>.*)\)|:(?P<bare>.*))\s*", re.DOTALL)
#: what editors make of a quote: guillemets have blanks inside
_DOUBLE, _SINGLE, _GUILLEMETS = '"“”„‟″«»', "'‘’‚‛′‹›", "«»‹›"
_breaks = re.compile("[\t\n\v\f\r\x85\u2028\u2029]+")
_control = re.compile("[\x00-\x1f\x7f-\x9f]")


class MissingField(InvalidText):
    """Raised when a recipient has no value for a field without a default."""

    def __init__(self, field: str) -> None:
        proposal = f'{{{{ {field} | default("…") }}}}'
        super().__init__(f"The field “{field}” is missing or empty; {proposal} gives it a default.")
        self.field = field


@dataclass(frozen=True, slots=True)
class Template:
    """A campaign's text with its ``fields``, in the order in which they first appear.

    Made by ``compile_template``. ``required`` are the fields that occur without a default.
    """

    text: str
    fields: tuple[str, ...]
    required: tuple[str, ...]
    #: the text between the slots, with tags resolved; one more than slots
    literals: tuple[str, ...] = field(repr=False)
    #: each occurrence of a field: its name, and its default if it has one
    slots: tuple[tuple[str, str | None], ...] = field(repr=False)

    def render(self, fields: Mapping[str, str]) -> str:
        """The text of one recipient. Raises MissingField.

        A value is trimmed and loses line breaks, control characters and marks that nobody sees.
        It is never read as a field or as a tag of the gateway.
        """
        return self.render_all((fields,))[0]

    def render_all(self, rows: Sequence[Mapping[str, str]]) -> list[str]:
        """The text of each recipient, as ``render`` returns it; quicker, because field by field."""
        if not self.slots:
            return [self.text] * len(rows)
        columns = [_column(rows, name, default) for name, default in self.slots]
        rendered = Rendered(self.literals, columns, len(rows))
        # the tags of the author are resolved already: a tag here came with a value
        whole = rendered.parts if rendered.are_apart else "".join(rendered)
        if ":" in whole and ("br" in whole or "euro" in whole):
            return [without_accidents(text) if ":" in text else text for text in rendered]
        return rendered


def _column(rows: Sequence[Mapping[str, str]], name: str, default: str | None) -> list[str]:
    """The value of each row for a field, cleaned for a text."""
    values = [row.get(name, "").strip() for row in rows]
    joined = "".join(values)
    if not joined.isascii() and without_marks(joined) != joined:
        values = [without_marks(value).strip() for value in values]
    if not joined.isprintable():
        values = [_control.sub("", _breaks.sub(" ", value)).strip() for value in values]
    if "" in values:
        if default is None:
            raise MissingField(name)
        values = [value or default for value in values]
    return values


def without_fields(text: str) -> str:
    """A text without its fields."""
    return _field.sub("", text)


def compile_template(text: str) -> Template:
    """The template of a text with ``{{ field }}`` and ``{{ field | default("…") }}``.

    The name of a field must match exactly. A default may also be written as in Django
    (``default:"…"``), and with the quotes of an editor. Raises InvalidText for any other
    ``{{``, ``{%`` or ``}}``.
    """
    text = without_marks(text)
    slots: list[tuple[str, str | None]] = []
    literals = []
    done = 0
    while brace := _brace(text, done):
        found = _field.match(text, brace.start())
        if found is None:
            raise InvalidText(_complaint(text, brace))
        default = None if found["filter"] is None else _default_of(found["filter"])
        if default is None and found["filter"] is not None:
            raise InvalidText(_complaint(text, brace))
        slots.append((found["name"].rstrip(), default))
        literals.append(text[done : brace.start()])
        done = found.end()
    literals.append(text[done:])
    return Template(
        text=text,
        fields=tuple(dict.fromkeys(name for name, _ in slots)),
        required=tuple(dict.fromkeys(name for name, default in slots if default is None)),
        literals=tuple(map(resolved, literals)),
        slots=tuple(slots),
    )


def _default_of(filter_: str) -> str | None:
    """The text of a filter ``default``; None if it is none."""
    found = _default.fullmatch(filter_)
    argument = "" if found is None else (found["argument"] or found["bare"] or "").strip()
    for quotes in (_DOUBLE, _SINGLE):
        if len(argument) > 1 and argument[0] in quotes and argument[-1] in quotes:
            inside = argument[1:-1]
            straight = quotes[0]
            if straight in (argument[0], argument[-1]) and straight in inside:
                return None
            return resolved(inside.strip() if argument[0] in _GUILLEMETS else inside)
    return None


def _complaint(text: str, brace: re.Match[str]) -> str:
    name = meant_at(text, brace.start())
    meant = f" Did you mean {{{{ {name} }}}}?" if name else ""
    if brace[0] == "}}":
        what = "“}}” closes nothing"
    elif brace[0] == "{{" and "}}" not in text[brace.end() :]:
        what = "“{{” is never closed"
    else:
        what = 'only {{ field }} and {{ field | default("…") }} are understood'
    return f"Position {brace.start() + 1}: {what}.{meant}"

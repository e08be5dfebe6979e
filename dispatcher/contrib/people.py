"""Recipients from rows and models of a framework: which of their names is the number, and so on."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, cast

from dispatcher.campaigns.consent_column import columns_in
from dispatcher.campaigns.submission import RecipientInput
from dispatcher.contrib.columns import Columns
from dispatcher.errors import InvalidCampaign
from dispatcher.recipients import Recipient
from dispatcher.recipients.column_names import (
    fold,
    key_column,
    last_contact_column,
    phone_columns,
)
from dispatcher.texts.templates import compile_template

#: rows that are fetched at a time
STRIDE = 2000
_EXAMPLE = 'fields={"prenom": "first_name"}'
_steps = re.compile(r"__|\.")


@dataclass(frozen=True, slots=True)
class Asked:
    """What the caller says of the names of a list.

    Raises InvalidCampaign for what is no name, and InvalidText for a wrong text.
    """

    text: str = field(repr=False)
    phone: str | None = None
    fields: Mapping[str, str] | None = None
    territory: str | None = None
    key: str | None = None
    #: that of the campaign, which may name columns
    consent: str | None = None
    last_contact: str | None = None

    def __post_init__(self) -> None:
        for what, name in (
            ("phone", self.phone),
            ("territory_field", self.territory),
            ("key", self.key),
            ("last_contact", self.last_contact),
        ):
            if not isinstance(name, str | None):
                raise InvalidCampaign(f"{what} is the name of a field, not {type(name).__name__}")
        given: Any = {} if self.fields is None else self.fields
        if not isinstance(given, Mapping):
            raise InvalidCampaign(f"fields is a dict, not {type(given).__name__}: {_EXAMPLE}")
        if not all(isinstance(one, str) for pair in given.items() for one in pair):
            raise InvalidCampaign(f"fields is a dict of text: {_EXAMPLE}")

    @property
    def anything(self) -> bool:
        """Whether the caller names a field."""
        more = self.territory, self.key, self.last_contact
        return bool(self.phone or self.fields or any(more))

    def of_tuples(self, names: Sequence[str]) -> Asked:
        """The same for tuples: what is the only value of a row is the number."""
        return replace(self, phone=names[0]) if len(names) == 1 and not self.phone else self

    def of_chosen(self, names: Sequence[str]) -> Asked:
        """The same for rows of columns that a query chooses: some may be called as in files.

        A model's field that is called key may be a secret.
        """
        key, contact = key_column(names), last_contact_column(names)
        return replace(
            self,
            key=self.key or (None if key is None else names[key]),
            last_contact=self.last_contact or (None if contact is None else names[contact]),
        )

    def columns(self, names: Sequence[str], of: str) -> Columns:
        """The columns among these ``names``. Raises InvalidCampaign if no number is found.

        A name of the text is looked for without accents, case and punctuation, unless ``fields``
        says where it is. ``of`` is what the caller calls the rows.
        """
        wanted = dict.fromkeys((*compile_template(self.text).fields, *columns_in(self.consent)))
        fields = {name: (self.fields or {}).get(name) or _alike(name, names) for name in wanted}
        phone = self.phone or _phone_of(names, of)
        more = self.territory, self.key, self.last_contact
        return Columns(phone, fields, *(name or None for name in more))


def asked_of(text: str, consent: str | None, reading: Mapping[str, Any]) -> Asked:
    """What a series asks of the names of its list: ``reading`` as ``submit`` names it."""
    get, fields = reading.get, reading.get("fields")
    phone, territory, key = get("phone"), get("territory_field"), get("key")
    return Asked(text, phone, fields, territory, key, consent, get("last_contact"))


class Reader(Protocol):
    """How a framework's models are read."""

    def names(self, item: object) -> Sequence[str] | None:
        """The names of a model's fields; None if the item is no model."""

    def key(self, item: object) -> object:
        """What the model's database knows it by."""

    @property
    def absent(self) -> type[Exception]:
        """What is raised for a related model that is not there."""


@dataclass(slots=True)
class Items:
    """The items of a list or an iterator as recipients, read lazily.

    Models and named rows become recipients. The library takes or rejects everything else.
    """

    items: Iterable[Any]
    asked: Asked
    reader: Reader
    _known: dict[object, Columns] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if isinstance(self.items, Sequence) and self.items:
            self._taken(self.items[0], 1)  # so that a name that does not exist is told at once

    def __iter__(self) -> Iterator[RecipientInput]:
        for position, item in enumerate(self.items, start=1):
            yield self._taken(item, position)

    def _taken(self, item: Any, position: int) -> RecipientInput:
        asked = self.asked
        if isinstance(item, str | Recipient):
            if asked.anything:
                raise InvalidCampaign(
                    "phone, fields, territory_field, key and last_contact name fields of a QuerySet"
                    " or a query, of models or of dicts; recipient"
                    f" {position} is none of these"
                )
            return item
        row = _named(item)
        model, others = (item, {}) if row is None else self._model_of(item, row)
        names = self.reader.names(model)
        if names is not None:
            of = type(model).__name__
            columns = self._columns((type(model), *others), [*names, *others], of)
            row = {
                name: others[name] if name in others else self._value(model, name)
                for name in columns.names
            }
            return columns.recipient(row, position=position, at=self.reader.key(model))
        if row is None or not (asked.anything and all(isinstance(name, str) for name in row)):
            return cast("RecipientInput", item) if row is None else row
        columns = self._columns(tuple(row), list(row), "a recipient")
        return columns.recipient(row, position=position)

    def _model_of(
        self, item: object, row: Mapping[Any, Any]
    ) -> tuple[object, Mapping[str, object]]:
        """The only model of a query's row, and the other values by name."""
        models = [name for name, value in row.items() if self.reader.names(value) is not None]
        if isinstance(item, Mapping) or len(models) != 1:
            return None, {}
        return row[models[0]], {name: row[name] for name in row if name != models[0]}

    def _columns(self, shape: object, names: Sequence[str], of: str) -> Columns:
        columns = self._known.get(shape)
        if columns is None:
            columns = self._known[shape] = self.asked.columns(names, of)
        return columns

    def _value(self, item: object, path: str) -> object:
        """What a path through related models leads to; None if one of them is not there."""
        value = item
        for name in [path] if hasattr(type(item), path) else steps_of(path):
            try:
                value = None if value is None else getattr(value, name)
            except self.reader.absent:
                return None
            except AttributeError:
                raise no_field(path, type(item).__name__) from None
        if callable(value):
            raise no_field(path, type(item).__name__)
        # as a query has it: of a related model, what refers to it
        return value if self.reader.names(value) is None else self.reader.key(value)


def steps_of(path: str) -> list[str]:
    """The names of a path through related models: ``profile__mobile``, or ``profile.mobile``."""
    return _steps.split(path)


def no_field(name: str, of: str) -> InvalidCampaign:
    """The error for a name that the caller gave or the text has."""
    return InvalidCampaign(
        f"no such field among the recipients: {of} has no {name!r}; fields={{…}} says which field"
        " a name of the text stands for"
    )


def _named(item: Any) -> Mapping[Any, Any] | None:
    """A row with names as a mapping: of SQLAlchemy, or a named tuple; None if it has none."""
    if isinstance(item, Mapping):
        return item
    found = getattr(item, "_mapping", None)
    if isinstance(found, Mapping):
        return found
    make: Callable[[], Mapping[str, Any]] | None = getattr(item, "_asdict", None)
    return make() if isinstance(item, tuple) and make else None


def _phone_of(names: Sequence[str], of: str) -> str:
    """The only name that means a phone number. Raises InvalidCampaign."""
    found = [names[at] for at in phone_columns([steps_of(name)[-1] for name in names])]
    if len(found) != 1:
        which = f"{' and '.join(found)} are" if found else "none is"
        raise InvalidCampaign(
            f'which field of {of} has the numbers? {which} called so: say phone="…"'
        )
    return found[0]


def _alike(name: str, names: Sequence[str]) -> str:
    """The field of that name, or else the only one that differs in accents, case or punctuation."""
    alike = [known for known in names if fold(known) == fold(name)]
    return alike[0] if len(alike) == 1 and name not in names else name

"""Recipients from a QuerySet, streamed, or from a list."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from django.core.exceptions import FieldError
from django.db.models import Model, QuerySet
from django.db.models.query import ModelIterable, ValuesIterable

from dispatcher.campaigns.submission import RecipientInput
from dispatcher.errors import InvalidCampaign
from dispatcher.recipients import Recipient
from dispatcher.recipients.column_names import fold, phone_columns
from dispatcher.recipients.values import text_of
from dispatcher.texts.templates import compile_template

#: a QuerySet of models or of values(), or a list as Dispatcher.submit takes it
People: TypeAlias = "Iterable[RecipientInput] | QuerySet[Any, Any]"

#: rows that are fetched at a time
_STRIDE = 2000


def streamed(
    recipients: People,
    text: str,
    *,
    phone: str | None = None,
    fields: Mapping[str, str] | None = None,
    territory_field: str | None = None,
) -> Iterable[RecipientInput]:
    """Recipients with the numbers and fields that the arguments name; nothing is read yet.

    Raises InvalidCampaign for a field that does not exist, InvalidText.
    """
    if not isinstance(recipients, QuerySet):
        if phone or fields or territory_field:
            raise InvalidCampaign(
                "phone, fields and territory_field name fields of a QuerySet; in a list, Recipient"
                " values say which is which"
            )
        return recipients
    wanted = compile_template(text).fields
    names = {name: (fields or {}).get(name) or _alike(name, recipients) for name in wanted}
    columns = [phone or _phone_of(recipients), *names.values()]
    if territory_field:
        columns.append(territory_field)
    rows = _rows(recipients, columns)
    return _Streamed(rows, columns, list(names), has_territory=bool(territory_field))


@dataclass(frozen=True, slots=True)
class _Streamed:
    """Rows as recipients, read lazily; may be read again."""

    rows: QuerySet[Any, Any]
    columns: list[str]
    names: list[str]
    has_territory: bool

    def __iter__(self) -> Iterator[Recipient]:
        for position, row in enumerate(self.rows.iterator(chunk_size=_STRIDE), start=1):
            number, *cells = [_text(row[column]) for column in self.columns]
            territory = cells.pop().strip() if self.has_territory else None
            yield Recipient(
                number,
                dict(zip(self.names, cells, strict=True)),
                territory=territory or None,
                row=position,
                # whom a reject speaks of
                raw=(str(row.get("pk", "")), number),
            )


def _rows(recipients: QuerySet[Any, Any], columns: list[str]) -> QuerySet[Any, Any]:
    """A QuerySet of dicts with these columns and, if possible, the model's primary key."""
    kind = recipients._iterable_class
    if kind is ValuesIterable:  # it may be grouped by these very columns: it is left alone
        known = recipients.query.values_select + tuple(recipients.query.annotations)
        if missing := [column for column in columns if column not in known]:
            raise InvalidCampaign(f"values() of the recipients have no {missing[0]!r}")
        return recipients
    if kind is not ModelIterable:
        raise InvalidCampaign("a QuerySet of recipients is of models or of values()")
    try:
        return recipients.values("pk", *columns)
    except FieldError as error:
        raise InvalidCampaign(f"no such field among the recipients: {error}") from None


def _phone_of(recipients: QuerySet[Any, Any]) -> str:
    """The only field whose name means a phone number. Raises InvalidCampaign."""
    model: type[Model] = recipients.model
    names = _names_of(recipients)
    found = [names[at] for at in phone_columns(names)]
    if len(found) != 1:
        which = f"{' and '.join(found)} are" if found else "none is"
        raise InvalidCampaign(
            f'which field of {model.__name__} has the numbers? {which} called so: say phone="…"'
        )
    return str(found[0])


def _names_of(recipients: QuerySet[Any, Any]) -> list[str]:
    """The names of the fields of a QuerySet's rows."""
    concrete = [field.name for field in recipients.model._meta.concrete_fields]
    names = list(recipients.query.values_select or concrete)
    return names + [name for name in recipients.query.annotations if name not in names]


def _alike(name: str, recipients: QuerySet[Any, Any]) -> str:
    """The field of that name, or else the only one that differs in accents, case or punctuation."""
    names = _names_of(recipients)
    alike = [known for known in names if fold(known) == fold(name)]
    return alike[0] if len(alike) == 1 and name not in names else name


def _text(value: Any) -> str:
    try:
        return text_of(value)
    except TypeError as error:
        raise InvalidCampaign(f"a recipient: {error}") from None

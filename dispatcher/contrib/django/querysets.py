"""Recipients from a QuerySet, streamed, from a raw query, or from a list of models."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from django.core.exceptions import FieldDoesNotExist, FieldError, ObjectDoesNotExist
from django.db.models import Manager, Model, QuerySet
from django.db.models.query import (
    FlatValuesListIterable,
    ModelIterable,
    NamedValuesListIterable,
    RawQuerySet,
    ValuesIterable,
    ValuesListIterable,
)

from dispatcher.campaigns.submission import RecipientInput
from dispatcher.contrib.columns import Columns
from dispatcher.contrib.people import STRIDE, Asked, Items
from dispatcher.errors import InvalidCampaign
from dispatcher.recipients import Recipient

#: a QuerySet, a manager, a raw query, models, or a list as Dispatcher.submit takes it
People: TypeAlias = (
    "Iterable[RecipientInput | Model] | QuerySet[Any, Any] | RawQuerySet[Any] | Manager[Any]"
)
_TUPLES = (FlatValuesListIterable, NamedValuesListIterable, ValuesListIterable)


def streamed(recipients: People, asked: Asked) -> Iterable[RecipientInput]:
    """Recipients with the numbers and fields that are ``asked`` for; nothing is read yet.

    Raises InvalidCampaign for a field that does not exist, or for a model in place of a list of
    them; InvalidText.
    """
    if isinstance(recipients, type) and issubclass(recipients, Model):
        raise InvalidCampaign(
            f"a list of recipients is needed, not a model: {recipients.__name__}.objects.all()"
        )
    if isinstance(recipients, Model):
        raise InvalidCampaign(
            f"a list of recipients is needed, not one {type(recipients).__name__}: put it in a list"
        )
    if isinstance(recipients, Manager):
        recipients = recipients.all()
    if isinstance(recipients, QuerySet):
        return _of_queryset(recipients, asked)
    if isinstance(recipients, RawQuerySet):
        return Items(_Raw(recipients), asked, _Models())
    if not isinstance(recipients, Iterable) or isinstance(recipients, str | bytes | Mapping):
        return recipients  # the library says what is wrong with it
    return Items(recipients, asked, _Models())


def asks_database(recipients: object) -> bool:
    """Whether to read the recipients is a query, or may be."""
    if isinstance(recipients, Sequence):
        return any(isinstance(one, Model) for one in recipients)
    return isinstance(recipients, QuerySet | RawQuerySet | Manager)


def _of_queryset(recipients: QuerySet[Any, Any], asked: Asked) -> Iterable[RecipientInput]:
    # what is prefetched is not used, and cannot be joined to rows that are no models
    rows = recipients.all()
    # after union() Django refuses prefetch_related(None)
    rows._prefetch_related_lookups = ()  # type: ignore[attr-defined]
    kind = rows._iterable_class
    if kind in _TUPLES:
        rows._iterable_class = kind = ValuesIterable
        asked = asked.of_tuples(_names_of(rows))
    if kind is ValuesIterable:
        asked = asked.of_chosen(_names_of(rows))
    columns = asked.columns(_names_of(rows), recipients.model.__name__)
    if kind is ValuesIterable:  # it may be grouped by these very columns: it is left alone
        known = _names_of(rows)
        if missing := [name for name in columns.names if name not in known]:
            raise InvalidCampaign(f"values() of the recipients have no {missing[0]!r}")
        return _Streamed(rows, columns)
    if kind is not ModelIterable:
        raise InvalidCampaign(
            "a QuerySet of recipients is of models or of values() or values_list()"
        )
    try:
        return _Streamed(rows.values("pk", *columns.names), columns)
    except FieldError as error:
        raise InvalidCampaign(f"no such field among the recipients: {error}") from None


@dataclass(frozen=True, slots=True)
class _Streamed:
    """Rows as recipients, read lazily; may be read again."""

    rows: QuerySet[Any, Any]
    columns: Columns

    def __iter__(self) -> Iterator[Recipient]:
        for position, row in enumerate(self.rows.iterator(chunk_size=STRIDE), start=1):
            yield self.columns.recipient(row, position=position, at=row.get("pk"))


@dataclass(frozen=True, slots=True)
class _Raw:
    """The models of a raw query, without remembering those that were read."""

    rows: RawQuerySet[Any]

    def __iter__(self) -> Iterator[Any]:
        try:
            yield from self.rows.iterator()
        except FieldDoesNotExist as error:
            raise InvalidCampaign(f"the recipients cannot be read: {error}") from None


class _Models:
    """How models are read."""

    absent = ObjectDoesNotExist

    def names(self, item: object) -> Sequence[str] | None:
        """The names of a model's fields, and of what a query has added."""
        if not isinstance(item, Model):
            return None
        concrete = [one.name for one in item._meta.concrete_fields]
        own = {one.attname for one in item._meta.concrete_fields} | {*concrete}
        return concrete + [name for name in vars(item) if name[0] != "_" and name not in own]

    def key(self, item: object) -> object:
        """The primary key."""
        return getattr(item, "pk", None)


def _names_of(recipients: QuerySet[Any, Any]) -> list[str]:
    """The names of the fields of a QuerySet's rows."""
    query = recipients.query
    concrete = [field.name for field in recipients.model._meta.concrete_fields]
    chosen = (*query.extra_select, *query.values_select)
    names = list(chosen or concrete)
    return names + [name for name in query.annotations if name not in names]

"""Recipients from a query of SQLAlchemy or Flask-SQLAlchemy, streamed, or from a list of models."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, cast

from flask import current_app
from sqlalchemy import Executable, Select, inspect, select
from sqlalchemy.engine.result import ResultInternal
from sqlalchemy.exc import InvalidRequestError, NoInspectionAvailable
from sqlalchemy.orm import Mapper, Query, aliased
from sqlalchemy.orm.attributes import QueryableAttribute

from dispatcher.campaigns.submission import RecipientInput
from dispatcher.contrib.columns import Columns
from dispatcher.contrib.people import STRIDE, Asked, Items, no_field, steps_of
from dispatcher.errors import InvalidCampaign
from dispatcher.recipients import Recipient


class Executes(Protocol):
    """A session of SQLAlchemy, or a scoped one."""

    def execute(self, statement: Any) -> Any:
        """The rows of a statement."""


#: ``select(Model)``, a query, the result of one, models, or a list as Dispatcher.submit takes it
People: TypeAlias = "Iterable[Any] | Executable"


def streamed(
    recipients: People, asked: Asked, session: Executes | None = None
) -> Iterable[RecipientInput]:
    """Recipients with the numbers and fields that are ``asked`` for; nothing is read yet.

    A statement is executed by ``session``, by default that of Flask-SQLAlchemy. Raises
    InvalidCampaign for a field that does not exist, for a statement without a session, or for a
    model in place of a list of them; InvalidText.
    """
    given: Any = recipients
    if isinstance(recipients, Query):
        session = session or recipients.session
        given = recipients.statement
    if isinstance(given, Select):
        return _of_statement(given, session or _session(), asked)
    if getattr(given, "is_dml", False):  # a plan must not write
        raise InvalidCampaign(
            f"a query of recipients only reads, and this one is {type(given).__name__}:"
            " execute it, and give a select"
        )
    if isinstance(given, Executable):  # its names are known when it is executed
        return _Executed(session or _session(), given, asked)
    if isinstance(recipients, type) and _mapper_of(recipients) is not None:
        raise InvalidCampaign(
            f"a list of recipients is needed, not a model: select({recipients.__name__})"
        )
    if _mapper_of(type(recipients)) is not None:  # some models can be iterated over
        raise InvalidCampaign(
            f"a list of recipients is needed, not one {type(recipients).__name__}: put it in a list"
        )
    if not isinstance(recipients, Iterable) or isinstance(recipients, str | bytes | Mapping):
        return cast(
            "Iterable[RecipientInput]", recipients
        )  # the library says what is wrong with it
    return Items(_with_rows(recipients), asked, _Models())


def _with_rows(result: Iterable[Any]) -> Iterable[Any]:
    """What it is given. Raises InvalidCampaign for a result that has no rows to read."""
    if isinstance(result, ResultInternal):
        if getattr(result, "closed", False):
            raise InvalidCampaign("the result of recipients is closed: execute the query again")
        if not getattr(result, "returns_rows", True):
            raise InvalidCampaign("the statement of recipients returns no rows: give a select")
    return result


def _session() -> Executes:
    found = current_app.extensions.get("sqlalchemy")
    if found is None:
        raise InvalidCampaign(
            "this app has no Flask-SQLAlchemy to read a statement with: give session=…, or what"
            " session.execute(…) returns"
        )
    session: Executes = found.session
    return session


def _of_statement(
    statement: Select[Any], session: Executes, asked: Asked
) -> Iterable[RecipientInput]:
    described = statement.column_descriptions
    models = [one for one in described if one.get("entity") is not None and _is_entity(one["expr"])]
    if not models and any(one["name"] is None for one in described):  # the database has the names
        return _Executed(session, statement, asked)
    if not models:
        names = [str(one["name"]) for one in described]
        columns = asked.of_tuples(names).of_chosen(names).columns(names, "the query")
        if missing := [name for name in columns.names if name not in names]:
            raise InvalidCampaign(f"the columns of the query have no {missing[0]!r}")
        return _Streamed(session, statement, names, columns)
    if len(models) > 1:
        raise InvalidCampaign("a query of recipients is of one model, or of columns")
    mapper: Mapper[Any] = inspect(models[0]["entity"]).mapper
    others = [str(one["name"]) for one in described if one is not models[0]]
    columns = asked.columns([*mapper.column_attrs.keys(), *others], mapper.class_.__name__)
    try:
        return _of_columns(statement, session, mapper, columns, others)
    except _InPythonError:  # a property, say: the models themselves have it
        return _Executed(session, statement, asked)


def _of_columns(
    statement: Select[Any],
    session: Executes,
    mapper: Mapper[Any],
    columns: Columns,
    others: Sequence[str],
) -> _Streamed:
    """The columns of a query of models, without making a model of each row."""
    # inside, whatever it has of joins, limits and distinct rows stays as it is
    inner = statement.subquery()
    model = aliased(mapper.class_, inner)
    joined: dict[str, Any] = {"": model}
    outer: list[Any] = []
    found = [
        inner.c[name] if name in others else _column(model, mapper.class_, name, joined, outer)
        for name in columns.names
    ]
    keys = [getattr(model, mapper.get_property_by_column(one).key) for one in mapper.primary_key]
    query = select(*found, *keys[:1]).select_from(model)
    for path in outer:
        query = query.outerjoin(path)
    return _Streamed(session, query, [*columns.names, *[""] * len(keys[:1])], columns)


class _InPythonError(Exception):
    """Raised for a name that the database does not know."""


def _column(model: Any, of: type, name: str, joined: dict[str, Any], outer: list[Any]) -> Any:
    """The column that a path through related models leads to; ``outer`` are the joins to make."""
    *path, last = [name] if hasattr(of, name) else steps_of(name)
    at, walked = model, ""
    for step in path:
        relation = getattr(at, step, None)
        if not isinstance(relation, QueryableAttribute) or not hasattr(relation, "mapper"):
            raise no_field(name, of.__name__)
        if relation.property.uselist:
            raise InvalidCampaign(f"{name!r} leads to many rows of {step!r} for one recipient")
        walked = f"{walked}.{step}"
        if walked not in joined:
            joined[walked] = aliased(relation.property.mapper.class_)
            outer.append(relation.of_type(joined[walked]))
        at = joined[walked]
    try:
        found = getattr(at, last)
    except AttributeError:
        raise no_field(name, of.__name__) from None
    if callable(found) and not isinstance(found, QueryableAttribute):
        raise no_field(name, of.__name__)
    try:
        found.__clause_element__()
    except (AttributeError, RuntimeError):  # a property, or a proxy of a related model's
        raise _InPythonError from None
    if hasattr(getattr(found, "property", None), "mapper"):
        raise _InPythonError
    return found


@dataclass(frozen=True, slots=True)
class _Streamed:
    """Rows of columns as recipients, read lazily; may be read again."""

    session: Executes
    statement: Select[Any]
    names: Sequence[str]
    columns: Columns

    def __iter__(self) -> Iterator[Recipient]:
        with self.session.execute(self.statement.execution_options(yield_per=STRIDE)) as rows:
            for position, values in enumerate(rows, start=1):
                row = dict(zip(self.names, values, strict=True))
                yield self.columns.recipient(row, position=position, at=row.get(""))


@dataclass(frozen=True, slots=True)
class _Executed:
    """The models of a query, a part of them at a time; may be read again."""

    session: Executes
    statement: Executable
    asked: Asked

    def __iter__(self) -> Iterator[RecipientInput]:
        try:
            with self.session.execute(self.statement.execution_options(yield_per=STRIDE)) as rows:
                yield from Items(_with_rows(rows), self.asked, _Models())
        except InvalidRequestError:
            raise InvalidCampaign(
                "the models of this query cannot be read a part at a time: use selectinload in"
                " place of joinedload and subqueryload"
            ) from None  # it may quote the values of a statement that failed before


class _Models:
    """How models are read."""

    absent = LookupError

    def names(self, item: object) -> Sequence[str] | None:
        """The names of a model's columns; None if it is no model."""
        mapper = _mapper_of(type(item))
        return None if mapper is None else mapper.column_attrs.keys()

    def key(self, item: object) -> object:
        """The first part of the primary key."""
        state: Any = inspect(item)
        return (state.identity or (None,))[0]


def _is_entity(expression: Any) -> bool:
    return (
        bool(inspect(expression, raiseerr=False) is not None)
        and hasattr(inspect(expression), "mapper")
        and not isinstance(expression, QueryableAttribute)
    )


def _mapper_of(kind: Any) -> Mapper[Any] | None:
    try:
        found = inspect(kind, raiseerr=False)
    except NoInspectionAvailable:
        return None
    return found if isinstance(found, Mapper) else None

"""Recipients from all that an app may have them in: statements, queries, models, rows."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import ForeignKey, create_engine, func, insert, literal, select, text
from sqlalchemy.ext.associationproxy import AssociationProxy, association_proxy
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    Session,
    aliased,
    joinedload,
    mapped_column,
    relationship,
    selectinload,
)

from dispatcher import InvalidCampaign, Rejection, UnusableInput
from dispatcher.contrib.flask import Dispatcher
from dispatcher.contrib.flask.testing import empty, texts

TEXT = "Bonjour {{ prenom }}"
FIELDS = {"prenom": "first_name"}
BOTH: dict[str, Any] = {"phone": "mobile", "fields": FIELDS}
EXPECTED = {f"+3363998000{number}": f"Bonjour Zoé{number}" for number in range(2)}
SQL = "SELECT mobile, first_name FROM customer"
WRITES = "UPDATE customer SET first_name = first_name"


class Base(DeclarativeBase):
    pass


db = SQLAlchemy(model_class=Base)


class Profile(Base):
    __tablename__ = "profile"
    id: Mapped[int] = mapped_column(primary_key=True)
    gsm: Mapped[str]
    zone: Mapped[str | None]


class Order(Base):
    __tablename__ = "order"
    id: Mapped[int] = mapped_column(primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"))
    paid: Mapped[int]


class Customer(Base):
    __tablename__ = "customer"
    id: Mapped[int] = mapped_column(primary_key=True)
    mobile: Mapped[str]
    first_name: Mapped[str]
    profile_id: Mapped[int | None] = mapped_column(ForeignKey("profile.id"))
    profile: Mapped[Profile | None] = relationship()
    orders: Mapped[list[Order]] = relationship()
    zone: AssociationProxy[str | None] = association_proxy("profile", "zone")

    @property
    def shouted(self) -> str:
        return self.first_name.upper()

    @hybrid_property
    def twice(self) -> str:
        return self.first_name + self.first_name


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    """A shop of two customers, of whom the first has a profile and two orders."""
    app = Flask("shop")
    app.config["SQLALCHEMY_DATABASE_URI"] = f"sqlite:///{tmp_path / 'shop.db'}"
    app.config["DISPATCHER_SENDER"] = "MaBoutique"
    db.init_app(app)
    Dispatcher(app)
    with app.app_context():
        Base.metadata.create_all(db.engine)
        for number in range(2):
            one = Customer(mobile=f"06 39 98 00 0{number}", first_name=f"Zoé{number}")
            db.session.add(one)
            if not number:
                one.profile = Profile(gsm="06 39 98 00 09", zone="alsace-moselle")
                one.orders = [Order(paid=5), Order(paid=7)]
        db.session.commit()
        yield app
        empty()
        db.session.remove()
        db.engine.dispose()


dispatcher = Dispatcher()

PEOPLE: list[Callable[[], Any]] = [
    lambda: db.select(Customer),
    lambda: select(Customer).where(Customer.mobile != "").order_by(Customer.first_name).limit(9),
    lambda: select(aliased(Customer)),
    lambda: select(Customer).join(Customer.orders, isouter=True).distinct(),
    lambda: select(Customer).join(Customer.orders, isouter=True).group_by(Customer.id),
    lambda: select(Customer).options(joinedload(Customer.orders)),
    lambda: select(Customer).options(selectinload(Customer.orders)),
    lambda: select(Customer, func.length(Customer.mobile).label("length")),
    lambda: select(Customer.mobile, Customer.first_name),
    lambda: select(Customer.__table__),
    lambda: select(Customer).from_statement(text("SELECT * FROM customer")),
    lambda: select(Customer.mobile, Customer.first_name).union(
        select(Customer.mobile, Customer.first_name)
    ),
    lambda: text(SQL),
    lambda: select(text("mobile"), text("first_name")).select_from(text("customer")),
    lambda: db.session.query(Customer),
    lambda: db.session.query(Customer).options(joinedload(Customer.orders)).filter_by(),
    lambda: db.session.query(Customer.mobile, Customer.first_name),
    lambda: db.session.scalars(select(Customer)),
    lambda: db.session.execute(select(Customer)),
    lambda: db.session.execute(select(Customer, Customer.id.label("number"))),
    lambda: db.session.execute(select(Customer.mobile, Customer.first_name)),
    lambda: db.session.execute(select(Customer.mobile, Customer.first_name)).mappings(),
    lambda: db.session.scalars(select(Customer)).all(),
    lambda: db.session.execute(text(SQL)),
    lambda: db.paginate(select(Customer), per_page=9),
    lambda: (one for one in db.session.scalars(select(Customer))),
    lambda: [{"mobile": f"06 39 98 00 0{n}", "first_name": f"Zoé{n}"} for n in range(2)],
]


@pytest.mark.parametrize("people", PEOPLE)
def test_people_are_taken_with_the_fields_that_the_caller_names(
    app: Flask, people: Callable[[], Any]
) -> None:
    assert dispatcher.plan(TEXT, people(), **BOTH).kept == 2

    dispatcher.submit("soldes", TEXT, people(), **BOTH)

    assert texts("soldes") == EXPECTED


@pytest.mark.parametrize("smoothing", [{"per_hour": 12}, {"over": timedelta(minutes=10)}])
def test_query_is_smoothed(app: Flask, smoothing: Any) -> None:
    asked = BOTH | smoothing
    plan = dispatcher.plan(TEXT, select(Customer), **asked)
    submitted = dispatcher.submit("soldes", TEXT, select(Customer), **asked)

    assert dispatcher.submit("soldes", TEXT, select(Customer), **asked) == submitted
    assert dispatcher.progress("soldes").per_hour == plan.per_hour == 12
    # a batch has the messages of five minutes: one
    first, second = dispatcher.batches("soldes")
    assert first.not_before < second.not_before
    with pytest.raises(InvalidCampaign, match="by per_hour or by over, not by both"):
        dispatcher.submit("both", TEXT, select(Customer), **BOTH, per_hour=1, over=60)


@pytest.mark.parametrize(
    "people",
    [
        lambda: select(Customer),
        lambda: select(Customer.mobile),
        lambda: [*db.session.scalars(select(Customer))],
        lambda: db.session.scalars(select(Customer.mobile)),
    ],
)
def test_field_of_numbers_is_found_by_its_name(app: Flask, people: Callable[[], Any]) -> None:
    dispatcher.submit("soldes", "Soldes", people())
    assert texts("soldes") == dict.fromkeys(EXPECTED, "Soldes")


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("shouted", ["Bonjour ZOÉ0", "Bonjour ZOÉ1"]),
        ("zone", ["Bonjour alsace-moselle", "Bonjour vous"]),
        ("twice", ["Bonjour Zoé0Zoé0", "Bonjour Zoé1Zoé1"]),
        ("profile.zone", ["Bonjour alsace-moselle", "Bonjour vous"]),
        ("profile__zone", ["Bonjour alsace-moselle", "Bonjour vous"]),
    ],
)
@pytest.mark.parametrize(
    "people",
    [
        lambda: select(Customer).order_by(Customer.id),
        lambda: db.session.query(Customer),
        lambda: db.session.scalars(select(Customer)),
        lambda: db.session.scalars(select(Customer)).all(),
    ],
)
def test_field_may_be_a_property_or_that_of_a_related_model(
    app: Flask, people: Callable[[], Any], field: str, expected: list[str]
) -> None:
    text_ = 'Bonjour {{ prenom|default:"vous" }}'
    dispatcher.submit("soldes", text_, people(), fields={"prenom": field})
    assert sorted(texts("soldes").values()) == expected


def test_number_and_territory_may_be_those_of_a_related_model(app: Flask) -> None:
    people = select(Customer).join(Customer.profile)
    dispatcher.submit(
        "soldes", TEXT, people, phone="profile.gsm", fields=FIELDS, territory_field="profile.zone"
    )
    assert texts("soldes") == {"+33639980009": "Bonjour Zoé0"}
    assert dispatcher.batches("soldes")[0].territory == "alsace-moselle"


@pytest.mark.parametrize(
    ("people", "arguments"),
    [
        (lambda: select(Customer), {"key": "id"}),
        (lambda: db.session.scalars(select(Customer)).all(), {"key": "id"}),
        (lambda: select(Customer.mobile, Customer.id.label("key")), {}),
        (lambda: db.session.execute(select(Customer.mobile, Customer.id.label("key"))), {}),
    ],
)
def test_key_of_a_row_is_given_back(
    app: Flask, people: Callable[[], Any], arguments: dict[str, Any]
) -> None:
    dispatcher.submit("soldes", "Soldes demain", people(), **arguments)
    known = {str(one.id) for one in db.session.scalars(select(Customer))}
    batch = dispatcher.batches("soldes")[0]
    assert {one.key for one in dispatcher.messages(batch.id)} <= known


@pytest.mark.parametrize(
    ("people", "arguments"),
    [
        (lambda: select(Customer), {"last_contact": "first_name"}),
        (lambda: db.session.scalars(select(Customer)).all(), {"last_contact": "first_name"}),
        (lambda: select(Customer.mobile, Customer.first_name.label("last_contact")), {}),
        (lambda: [{"mobile": "0639980000", "dernier contact": "2019-11-24"}], {}),
        (
            lambda: [{"mobile": "0639980000", "achat": date(2019, 11, 24)}],
            {"last_contact": "achat"},
        ),
    ],
)
def test_last_contact_of_a_row_is_stored(
    app: Flask, people: Callable[[], Any], arguments: dict[str, Any]
) -> None:
    for one in db.session.scalars(select(Customer)):
        one.first_name = "2019-11-24"
    db.session.commit()
    dispatcher.submit("soldes", "Soldes demain", people(), **arguments)
    named = {one.last_contact for one in dispatcher.persons.stale()}
    assert named == {date(2019, 11, 24)}


def test_label_of_a_query_is_a_field(app: Flask) -> None:
    people = select(Customer, (Customer.first_name + literal("!")).label("cri"))
    dispatcher.submit("soldes", "Bonjour {{ Cri }}", people)
    assert sorted(texts("soldes").values()) == ["Bonjour Zoé0!", "Bonjour Zoé1!"]


@pytest.mark.parametrize("people", [lambda: select(Customer), lambda: db.session.query(Customer)])
def test_rejection_names_the_row_of_the_model(app: Flask, people: Callable[[], Any]) -> None:
    wrong = db.session.get_one(Customer, 2)
    wrong.mobile = "hello"  # not flushed yet: the query sees it all the same
    rejects: list[Rejection] = []
    dispatcher.submit("soldes", "Soldes", people(), reject=rejects.append)
    assert [one.raw for one in rejects] == [("2", "hello")]


def closed(result: Any) -> Any:
    result.close()
    return result


@pytest.mark.parametrize(
    ("people", "arguments", "says"),
    [
        (lambda: select(Customer), {}, "Customer has no 'prenom'; fields="),
        (lambda: select(Customer), {"phone": "tel"}, "Customer has no 'tel'"),
        (lambda: select(Customer), {"fields": {"prenom": "profile.name"}}, "no 'profile.name'"),
        (lambda: select(Customer), {"fields": {"prenom": "mobile.name"}}, "no 'mobile.name'"),
        (lambda: select(Customer), {"fields": {"prenom": "orders.paid"}}, "leads to many rows"),
        (lambda: select(Customer), {"territory_field": "area", "fields": FIELDS}, "no 'area'"),
        (lambda: [*db.session.scalars(select(Customer))], {}, "Customer has no 'prenom'"),
        (lambda: select(Customer.mobile), {"fields": FIELDS}, "columns of the query have no"),
        (lambda: select(Profile.zone, Profile.id), {}, "which field of the query has the numbers"),
        (lambda: select(Order), {}, 'which field of Order .* none is called so: say phone="…"'),
        (lambda: select(Customer, Profile), {}, "is of one model, or of columns"),
        (lambda: Customer, {}, r"not a model: select\(Customer\)"),
        (lambda: db.session.get(Customer, 1), {}, "list of recipients is needed, not one Customer"),
        (lambda: insert(Customer).returning(Customer.mobile), {}, "only reads, and this one is In"),
        (lambda: db.session.execute(text(WRITES)), {}, "the statement of recipients returns no ro"),
        (lambda: text(WRITES), {}, "the statement of recipients returns no rows: give a select"),
        (lambda: closed(db.session.scalars(select(Customer))), {}, "the result .* is closed"),
        (lambda: None, {}, "a list of recipients is needed, not None"),
        (lambda: "06 39 98 00 01", {}, "not one str"),
        (lambda: ["06 39 98 00 01"], {"phone": "mobile"}, "recipient 1 is none of these"),
    ],
)
def test_what_cannot_be_read_is_refused_in_one_sentence(
    app: Flask, people: Callable[[], Any], arguments: dict[str, Any], says: str
) -> None:
    for attempt in (dispatcher.plan, lambda *args, **more: dispatcher.submit("a", *args, **more)):
        with pytest.raises(UnusableInput, match=says):
            attempt(TEXT, people(), **arguments)
    assert dispatcher.campaigns() == []


def test_collection_that_stops_streaming_is_refused_in_one_sentence(app: Flask) -> None:
    people = select(Customer).options(joinedload(Customer.orders))
    with pytest.raises(InvalidCampaign, match="use selectinload in place of joinedload"):
        dispatcher.submit("soldes", TEXT, people, fields={"prenom": "shouted"})


def test_statement_is_read_by_a_session_of_plain_sqlalchemy(tmp_path: Path) -> None:
    app = Flask("plain")
    Dispatcher(app)
    engine = create_engine(f"sqlite:///{tmp_path / 'plain.db'}")
    Base.metadata.create_all(engine)
    with app.app_context(), Session(engine) as session:
        session.add(Customer(mobile="06 39 98 00 00", first_name="Zoé"))
        with pytest.raises(InvalidCampaign, match="give session=…"):
            dispatcher.plan(TEXT, select(Customer), **BOTH)
        assert dispatcher.plan(TEXT, select(Customer), session=session, **BOTH).kept == 1
        assert dispatcher.plan(TEXT, session.query(Customer), **BOTH).kept == 1
        empty()
    engine.dispose()


def test_long_query_is_never_in_memory_as_a_whole(app: Flask) -> None:
    count = 50_000
    rows = [{"mobile": f"06399{n:05d}", "first_name": "Z" * 200} for n in range(count)]
    db.session.execute(insert(Customer), rows)
    db.session.commit()
    del rows
    db.session.connection()
    tracemalloc.start()
    try:
        kept = dispatcher.plan("Soldes {{ first_name }}", select(Customer)).rows
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept == count + 2
    # a row has 200 bytes at least in each of its names, and a model a kilobyte and more
    assert peak < 12_000_000

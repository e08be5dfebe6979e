"""Every column of text is in the table of what an erasure does to it, and it does so."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import LargeBinary, Text, insert, select, update

from dispatcher.storage import erased_columns
from dispatcher.storage.database import Database
from dispatcher.storage.erased_columns import RULES, Column, How
from dispatcher.storage.tables import (
    Base,
    BatchConsent,
    Campaign,
    CheckOrder,
    Contact,
    Lift,
    NumberCheck,
    Recipient,
    Reply,
    UnreadCall,
)
from tests.integration.bench import TEXT, Bench, opened, people
from tests.integration.conftest import empty

ANNE, BRUNO, CHLOE = people(3, start=7301)
TRACE = "639987301"
ERASED = [column for column, rule in RULES if rule.how is not How.NEVER]


def name_of(column: Column) -> str:
    return f"{column.class_.__tablename__}.{column.key}"


def test_every_column_of_text_has_one_rule() -> None:
    columns = {
        f"{table.name}.{column.name}"
        for table in Base.metadata.sorted_tables
        for column in table.columns
        if isinstance(column.type, (Text, LargeBinary))
    }
    named = [name_of(column) for column, _ in RULES]
    assert sorted(named) == sorted(columns)


def test_why_no_number_is_in_a_column_is_said() -> None:
    assert all(bool(rule.why) is (rule.how is How.NEVER) for _, rule in RULES)


def test_erasure_asks_the_table() -> None:
    assert [name_of(column) for column in erased_columns.NUMBERS] == [
        f"dispatcher_{name}.phone"
        for name in (
            *("recipient", "opt_out", "opt_out_event", "reply", "number_check", "contact"),
            *("draft_row", "tester", "lift"),
        )
    ]
    assert len(erased_columns.TEXTS) == sum(rule.how is How.REPLACED for _, rule in RULES)


@pytest.fixture
def filled(tables: Database, tmp_path: Path) -> Iterator[Bench]:
    """A campaign that has ended, an erasure of somebody else, and a row in every other table."""
    empty(tables)
    with opened(tables, pseudonym_key="k" * 40) as bench:
        day, listed = "2026-05-03", (ANNE, BRUNO)
        rows = [{"mobile": phone, "le": day, "ou": f"shop {phone[-1]}"} for phone in listed]
        bench.dispatcher.submit("soldes", TEXT, rows, consent="column:le,source:ou")
        bench.work()
        bench.gateway.deliver()
        bench.pass_by(hours=1)
        bench.tick()  # which finishes the campaign
        bench.opt_out(CHLOE)
        bench.dispatcher.persons.erase(CHLOE, reason="asked")
        draft = bench.dispatcher.drafts.create("hiver", TEXT)
        bench.dispatcher.drafts.set_list("hiver", [BRUNO], version=draft.version)
        bench.dispatcher.testers.add("Inès", BRUNO)
        (tmp_path / "list.csv").write_text(f"{BRUNO}\n", encoding="utf-8")
        series, often = bench.dispatcher.series, "FREQ=DAILY;BYHOUR=10"
        series.add("daily", rule=often, text=TEXT, source=tmp_path / "list.csv")
        series.skip("daily")
        series.end("daily")
        now = bench.clock()
        order = {"id": 1, "tag": "t", "ordered_at": now, "actor": "a", "numbers": 1}
        facts: dict[str, Any] = {"stop": False, "sent_to": None, "message_id": None}
        with bench.dispatcher.database.write() as session:
            session.execute(insert(CheckOrder), [order | {"expected": Decimal(0)}])
            check = {"phone": BRUNO, "order_id": 1, "ordered_at": now}
            session.execute(insert(NumberCheck), [check])
            session.execute(insert(Contact), [{"phone": BRUNO, "at": now.date()}])
            session.execute(
                insert(Lift), [{"phone": BRUNO, "at": now, "actor": "a", "reason": "r"}]
            )
            reply = {"digest": "d", "phone": BRUNO, "text": "Oui", "received_at": now}
            session.execute(insert(Reply), [reply | facts])
            call = {"digest": "d", "path": "/", "body": b"", "query": "", "problem": ""}
            session.execute(insert(UnreadCall), [call | {"received_at": now}])
        yield bench
        bench.check()


@pytest.mark.parametrize("column", ERASED, ids=name_of)
def test_number_in_a_column_is_erased(filled: Bench, column: Column) -> None:
    entity, database = column.class_, filled.dispatcher.database
    row = list(entity.__table__.primary_key.columns)
    with database.write() as session:
        first = session.execute(select(*row).order_by(*row).limit(1)).one()
        if entity is Recipient:  # somebody else's: her own row is erased as a whole
            first = session.execute(select(*row).where(Recipient.phone == BRUNO)).one()
        mine = [one == value for one, value in zip(row, first, strict=True)]
        value: Any = "son numéro : 06 39 98 73 01"
        if isinstance(column.type, LargeBinary):
            value = value.encode()
        if entity is BatchConsent:
            value = json.dumps([["2026-05-03", "", value], ["2026-05-03", value, "v3"]])
        if column.key == "phone":
            value = ANNE
            if entity is Recipient:
                mine = [Recipient.phone == ANNE]
        values = {column.key: value}
        if column is Campaign.reason:
            values["state"] = "paused"
        if column in {NumberCheck.name, NumberCheck.network}:
            values["phone"] = ANNE  # the network of her own number
        session.execute(update(entity).where(*mine).values(values))
    filled.dispatcher.persons.erase(ANNE, reason="asked")
    filled.clock.forward(hours=2)
    filled.dispatcher.steps.prune()
    with database.read() as session:
        left = session.scalars(select(column)).all()
    words = [one.decode() if isinstance(one, bytes) else str(one) for one in left]
    assert TRACE not in "".join(filter(str.isalnum, "".join(words)))
    if column in {NumberCheck.name, NumberCheck.network}:
        assert set(left) == {None}


def test_reason_of_a_pause_of_everything_is_masked_when_it_is_written(bench: Bench) -> None:
    bench.dispatcher.pause_all(reason="06 39 98 73 01 s'est plainte", by="0639987301")
    with bench.dispatcher.database.read() as session:
        for table in Base.metadata.sorted_tables:
            for row in session.execute(select(table)):
                assert TRACE not in "".join(filter(str.isalnum, repr(tuple(row))))

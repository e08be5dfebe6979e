"""The console: how long its pages take with ten thousand campaigns, and one of 2,000 batches."""

from __future__ import annotations

import re
import statistics
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from http.cookiejar import CookieJar
from itertools import cycle
from typing import cast

from sqlalchemy import Table as Stored
from sqlalchemy import insert, select, text, update
from sqlalchemy.orm import Session

from benchmarks.contenders.ours import Installation, recipients
from benchmarks.figures import Row, Table
from benchmarks.options import Bench
from benchmarks.people import BATCH, TEXT
from benchmarks.processes import Failed, Process
from benchmarks.submitting import run
from dispatcher.campaigns.states import MessageState
from dispatcher.storage.tables import (
    ACTION,
    ATTEMPT,
    CAMPAIGN,
    RECIPIENT,
    REPORT,
    CampaignTag,
    OptOut,
    Reply,
)
from dispatcher.storage.tables import (
    BATCH as BATCHES,
)

#: people of each of the many campaigns
_FEW = 20
_PASSWORD = "a password of the benchmarks 27"
#: what no page may take, in seconds
_LIMIT = 0.2
#: the pages, by what a reader calls them
_PAGES = {
    "Home": "/",
    "Campaigns": "/campaigns/",
    "Campaigns, the last page": "/campaigns/?from={last}",
    "Campaigns with a tag": "/campaigns/?tag=even",
    "Campaigns by name": "/campaigns/?reference_prefix=few-99",
    "The large campaign": "/campaigns/{large}/",
    "The large campaign, its last batches": "/campaigns/{large}/?from={last_batch}",
    "The large campaign, its live part": "/campaigns/{large}/live/",
    "A batch": "/batches/{batch}/",
    "Doubts": "/doubts/",
    "Opt-outs": "/opt-outs/",
    "Replies": "/replies/",
    "Replies to one campaign": "/replies/?campaign=large",
    "Spend by month": "/spend/?by=month",
    "Spend by tag": "/spend/?by=tag",
    "Spend by territory": "/spend/?by=territory",
    "Record of actions": "/installation/record/",
}


def measure(bench: Bench) -> list[Table]:
    """Each page, asked for again and again over loopback by somebody who is signed in."""
    campaigns, batches = (500, 100) if bench.options.quick else (10_000, 2_000)
    with bench.directory() as directory, Installation(
        directory, bench.gateway.url, bench.postgres, prices="metropole=0.045"
    ) as installation:  # fmt: skip
        bench.say(f"  filling: {campaigns:,} campaigns, and one of {batches:,} batches")
        places = _fill(installation, campaigns, batches)
        with _signed_in(installation) as (opener, address):
            rows = [
                _row(opener, name, address + path.format(**places), max(5, bench.options.rounds))
                for name, path in _PAGES.items()
            ]
    slow = [row.name for row in rows if (row.bar or 0) > _LIMIT]
    if slow:
        bench.say(f"  over {_LIMIT * 1000:.0f} ms: {', '.join(slow)}")
    return [
        Table(
            key="console",
            title=f"The console with {campaigns:,} campaigns, one of them of {batches:,} batches",
            headings=("ms: median", "worst", "KiB"),
            rows=tuple(rows),
            unit="seconds, median",
            notes=(
                (
                    "PostgreSQL, `dispatcher console` with its eight threads, one reader; each page"
                    " is asked for once before it is measured. No page may take more than"
                    f" {_LIMIT * 1000:.0f} ms."
                ),
                f"The large campaign has {batches * BATCH:,} recipients, each other one {_FEW}.",
            ),
        )
    ]


def _row(opener: urllib.request.OpenerDirector, name: str, url: str, rounds: int) -> Row:
    took, size = [], 0
    for _ in range(rounds + 1):
        begun = time.perf_counter()
        with opener.open(url, timeout=60) as answer:
            size = len(answer.read())
        took.append(time.perf_counter() - begun)
    middle = statistics.median(took[1:])
    figures = f"{middle * 1000:.0f}", f"{max(took[1:]) * 1000:.0f}", f"{size / 1024:.0f}"
    return Row(name, figures, bar=middle)


@contextmanager
def _signed_in(
    installation: Installation,
) -> Iterator[tuple[urllib.request.OpenerDirector, str]]:
    roles = ("--role", "writes", "--role", "operates")
    made = ("console", "createuser", "zoe", *roles, "--password", _PASSWORD)
    directory, settings = installation.directory, installation.environment
    run(installation, *made)
    with Process(
        "console", ["dispatcher.cli", "console", "--port", "0"], directory, **settings
    ) as console:
        address = console.wait_to_say(r"(http://\S+:\d+)")
        opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
        with opener.open(f"{address}/login/", timeout=60) as page:
            token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.read().decode())
        if token is None:
            raise Failed("the console has no form for signing in")
        form = {"csrfmiddlewaretoken": token[1], "username": "zoe", "password": _PASSWORD}
        body = urllib.parse.urlencode(form).encode()
        with opener.open(f"{address}/login/", body, timeout=60) as page:
            if page.url.endswith("/login/"):
                raise Failed("the console lets nobody in")
        yield opener, address


def _fill(installation: Installation, campaigns: int, batches: int) -> dict[str, int]:
    """Store them, copied from two that were submitted; what the paths of pages need."""
    ours = installation.silent
    few = ours.submit("few", TEXT, recipients(_FEW, 0), tags=["even"])
    large = ours.submit("large", TEXT, recipients(BATCH, 1_000), tags=["large"])
    with ours.database.write() as session:
        _end(session, few)
        _copy_campaigns(session, few, campaigns - 2)
        first = session.scalar(select(BATCHES.c.id).where(BATCHES.c.campaign_id == large)) or 0
        _copy_batches(session, first, batches)
        _answers(session, large)
    with ours.database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as line:
        line.execute(text("VACUUM ANALYZE"))
    return {
        "large": large,
        "batch": first,
        "last": campaigns - 50,
        "last_batch": batches - 50,
    }


def _end(session: Session, campaign: int) -> None:
    """Have all of it sent and delivered."""
    letter = MessageState.DELIVERED.letter
    session.execute(
        update(BATCHES)
        .where(BATCHES.c.campaign_id == campaign)
        .values(
            state="done",
            attempt=1,
            states=letter * _FEW,
            pending=0,
            delivered=_FEW,
            sent_at=text("now()"),
            cost=Decimal(1),
        )
    )
    session.execute(
        update(CAMPAIGN)
        .where(CAMPAIGN.c.id == campaign)
        .values(state="finished", ended_at=text("now()"))
    )


def _copy(session: Session, table: Stored, which: str, count: int, **values: str) -> None:
    """Copy the rows ``which`` so often, with these expressions of ``n`` (from 1) in them."""
    columns = [column.name for column in table.columns]
    chosen = [values.get(name, f"t.{name}") for name in columns]
    session.execute(
        text(
            f"INSERT INTO {table.name} ({', '.join(columns)}) SELECT {', '.join(chosen)}"
            f" FROM {table.name} t, generate_series(1, {count}) n WHERE {which}"
        )
    )
    if "id" in columns:
        session.execute(
            text(
                f"SELECT setval(pg_get_serial_sequence('{table.name}', 'id'),"
                f" (SELECT max(id) FROM {table.name}))"
            )
        )


def _phone(prefix: int, size: int) -> str:
    """A number of its own for each: PostgreSQL plans by how many differ."""
    return f"'+33{prefix}' || lpad((n * {size} + t.position)::text, 7, '0')"


def _copy_campaigns(session: Session, few: int, count: int) -> None:
    """One in a hundred runs and waits, one in 500 is paused; each is an hour older."""
    at = "now() - n * interval '1 hour'"
    state = "CASE WHEN n % 500 = 0 THEN 'paused' WHEN n % 100 = 1 THEN 'running' ELSE t.state END"
    _copy(
        session,
        CAMPAIGN,
        f"t.id = {few}",
        count,
        id="1000 + n",
        reference="'few-' || n",
        state=state,
        reason="CASE WHEN n % 500 = 0 THEN 'by hand' END",
        created_at=at,
        ended_at=f"CASE WHEN n % 500 <> 0 AND n % 100 <> 1 THEN {at} END",
    )
    pending = "n % 500 = 0 OR n % 100 = 1"
    _copy(
        session,
        BATCHES,
        f"t.campaign_id = {few}",
        count,
        id="1000000 + n",
        campaign_id="1000 + n",
        state=f"CASE WHEN {pending} THEN 'pending' ELSE t.state END",
        states=f"CASE WHEN {pending} THEN repeat('{MessageState.PENDING.letter}', {_FEW})"
        " ELSE t.states END",
        pending=f"CASE WHEN {pending} THEN {_FEW} ELSE 0 END",
        delivered=f"CASE WHEN {pending} THEN 0 ELSE {_FEW} END",
        not_before="now() + (n % 600) * interval '1 hour'",
        sent_at=f"CASE WHEN {pending} THEN NULL ELSE {at} END",
    )
    theirs = f"(SELECT min(id) FROM dispatcher_batch WHERE campaign_id = {few})"
    _copy(
        session,
        RECIPIENT,
        f"t.batch_id = {theirs}",
        count,
        batch_id="1000000 + n",
        phone=_phone(72, _FEW),
    )
    mine, its = f"t.campaign_id = {few}", "1000 + n"
    tags = cast("Stored", CampaignTag.__table__)
    _copy(session, tags, mine, count // 2, campaign_id="1000 + 2 * n")
    _copy(session, ACTION, mine, count, id="1000000 + n", campaign_id=its, at=at)


def _copy_batches(session: Session, first: int, count: int) -> None:
    """Three in five have been delivered, some are sent, and the last quarter waits."""
    sent, waits = count * 3 // 5, count * 3 // 4
    done, left, to_go = (
        MessageState.DELIVERED.letter,
        MessageState.SENT.letter,
        MessageState.PENDING.letter,
    )
    by = f"CASE WHEN n <= {sent} THEN {{}} WHEN n <= {waits} THEN {{}} ELSE {{}} END"
    _copy(
        session,
        BATCHES,
        f"t.id = {first}",
        count - 1,
        id="2000000 + n",
        number="n + 1",
        state=by.format("'done'", "'sent'", "'pending'"),
        states=by.format(*(f"repeat('{one}', {BATCH})" for one in (done, left, to_go))),
        attempt=by.format(1, 1, 0),
        delivered=by.format(BATCH, 0, 0),
        sent=by.format(0, BATCH, 0),
        pending=by.format(0, 0, BATCH),
        cost=by.format(225_000, 225_000, 0),
        sent_at=by.format(*["now() - interval '3 hours' + n * interval '5 seconds'"] * 2, "NULL"),
        check_at=by.format("NULL", "now()", "NULL"),
    )
    phone = _phone(71, BATCH)
    its = f"t.batch_id = {first}"
    _copy(session, RECIPIENT, its, count - 1, batch_id="2000000 + n", phone=phone)
    reports = [
        {
            "batch_id": 2_000_000 + n,
            "delivered": BATCH // 4,
            "undelivered": 0,
            "states": done * BATCH,
        }
        for n in range(1, sent + 1)
        for _ in range(4)
    ]
    at = text("now() - interval '2 hours' + random() * interval '2 hours'")
    session.execute(insert(REPORT).values(at=at), reports)
    session.execute(
        insert(ATTEMPT).values(armed_at=text("now()"), ended_at=text("now()")),
        [
            {
                "batch_id": 2_000_000 + n,
                "number": 1,
                "tag": f"b-{n}",
                "worker": "1",
                "outcome": "sent",
            }
            for n in range(1, waits + 1)
        ],
    )


def _answers(session: Session, large: int) -> None:
    """Opt-outs and replies."""
    now = text("now()")
    people = [f"+3371{number:07d}" for number in range(BATCH, BATCH + 20_000)]
    session.execute(
        insert(OptOut).values(created_at=now), [{"phone": one, "source": "reply"} for one in people]
    )
    session.execute(
        insert(Reply).values(received_at=now),
        [
            {"digest": one, "phone": one, "text": "Merci", "stop": False, "campaign_id": campaign}
            for campaign, one in zip(cycle((large, None)), people)
        ],
    )

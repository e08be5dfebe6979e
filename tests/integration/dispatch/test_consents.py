"""Consent that is asked for before a batch leaves."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest

from dispatcher.campaigns.consent import ASK, Answer, Consent, Person, read
from dispatcher.dispatch import consent_source
from dispatcher.errors import ConfigurationError, InvalidCampaign, ReferenceTaken
from dispatcher.gateway import Throttled
from dispatcher.recipients import Recipient
from dispatcher.storage import consents as stored
from dispatcher.storage.campaigns.evidence_rows import EvidenceRows
from dispatcher.storage.database import Database
from tests.integration.bench import OPEN, TEXT, Bench, opened, people
from tests.integration.conftest import empty
from tests.integration.dispatch.consenting_shop import GIVEN, SHOP, everybody
from tests.waiting import PATIENCE

HERE = "tests.integration.dispatch.consenting_shop"
FIRST = people(3)[0]


@pytest.fixture
def shop() -> Iterator[Any]:
    SHOP.reset()
    yield SHOP
    SHOP.reset()


@pytest.fixture
def bench(tables: Database, shop: Any) -> Iterator[Bench]:
    empty(tables)
    with opened(tables, consent=f"{HERE}:consents", consent_timeout=30, rate=1000) as made:
        yield made


def but(*withdrawn: str) -> Callable[[Sequence[Person]], object]:
    """Everybody consents but those numbers."""
    return lambda asked: {one: None if one.phone in withdrawn else GIVEN for one in asked}


def rested_on(bench: Bench, batch_id: int) -> dict[int, Consent]:
    with bench.dispatcher.database.read() as session:
        return stored.of_batch(session, batch_id)


def test_campaign_without_a_source_asks_nobody(bench: Bench) -> None:
    batch = bench.submit(3)
    bench.work()
    assert SHOP.asked == []
    assert bench.messages() == {"sent": 3}
    assert rested_on(bench, batch) == {}


def test_people_who_consent_are_texted_and_their_consent_is_stored(bench: Bench) -> None:
    batch = bench.submit(3, consent=ASK)
    assert SHOP.asked == []  # not when it is submitted
    bench.work()
    assert SHOP.asked == [people(3)]
    assert bench.messages() == {"sent": 3}
    assert rested_on(bench, batch) == dict.fromkeys(range(3), GIVEN)
    bench.check()


def test_application_is_asked_by_its_own_keys(bench: Bench) -> None:
    asked: list[str | None] = []

    def answer(them: Sequence[Person]) -> object:
        asked.extend(one.key for one in them)
        return everybody(them)

    SHOP.answer = answer
    listed = [Recipient(phone, key=f"client-{n}") for n, phone in enumerate(people(2))]
    bench.dispatcher.submit("soldes", "Bonjour", [*listed, people(3)[2]], consent=ASK)
    bench.work()
    assert asked == ["client-0", "client-1", None]
    assert bench.messages() == {"sent": 3}


def test_person_who_has_withdrawn_is_left_out_and_counted(bench: Bench) -> None:
    SHOP.answer = but(FIRST)
    batch = bench.submit(3, consent=ASK)
    bench.work()
    assert FIRST not in bench.gateway.texted
    assert bench.messages() == {"sent": 2, "withdrawn": 1}
    assert bench.progress().messages["withdrawn"] == 1
    assert sorted(rested_on(bench, batch)) == [1, 2]
    assert next(row[2:] for row in bench.view()) == (FIRST, "withdrawn")
    bench.check()


def test_batch_of_which_everybody_has_withdrawn_is_done(bench: Bench) -> None:
    SHOP.answer = but(*people(3))
    batch = bench.submit(3, consent=ASK)
    bench.work()
    assert not bench.gateway.texted
    assert bench.messages() == {"withdrawn": 3}
    assert bench.batch(batch).state == "done"
    bench.tick()
    assert bench.progress().state == "finished"
    bench.check()


def raises(_: Sequence[Person]) -> object:
    raise ValueError("+33639980001 is not in the table")


def half(asked: Sequence[Person]) -> object:
    return dict.fromkeys(asked[: len(asked) // 2], GIVEN)


def later(asked: Sequence[Person]) -> object:
    return dict.fromkeys(asked, Consent(OPEN.date() + timedelta(days=30)))


class NoInstant(datetime):
    """An instant that is none and later than none, as pandas has for an empty cell."""

    def isoformat(self, *_: Any) -> str:
        return "NaT"


def empty_cell(asked: Sequence[Person]) -> object:
    return dict.fromkeys(asked, Consent(NoInstant(2020, 1, 1)))


def before_all_dates(asked: Sequence[Person]) -> object:
    east = timezone(timedelta(hours=2))
    return dict.fromkeys(asked, Consent(datetime.min.replace(tzinfo=east)))


def stopping(_: Sequence[Person]) -> object:
    raise SystemExit


class Lazy(Consent):
    """A consent that asks a database for its date, which has gone."""

    def __getattribute__(self, name: str) -> Any:
        if name == "date":
            raise LookupError("+33639980001 is not in the table")
        return super().__getattribute__(name)


class NoDate(date):
    def __getattribute__(self, name: str) -> Any:
        raise TypeError("+33639980001 has no date")


class NoText(str):
    def __getitem__(self, _: object) -> str:
        raise RuntimeError("+33639980001 has no form")


class Hidden:
    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        raise ArithmeticError("+33639980001")


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (lambda asked: dict.fromkeys(asked, Lazy(OPEN.date())), "its answer raised LookupError"),
        (
            lambda asked: dict.fromkeys(asked, Consent(NoDate(2026, 5, 3))),
            "its answer raised TypeError",
        ),
        (
            lambda asked: dict.fromkeys(asked, Consent(OPEN.date(), NoText("a form"))),
            "its answer raised RuntimeError",
        ),
        (lambda asked: dict.fromkeys(asked, Hidden()), "its answer raised ArithmeticError"),
        (
            lambda asked: everybody(asked[1:]) | {asked[0]: Lazy(OPEN.date())},  # type: ignore[operator]
            "its answer raised LookupError",
        ),
        (raises, "it raised ValueError"),
        (stopping, "it raised SystemExit"),
        (half, "it answered for 2 of 4 people"),
        (later, "it answered for 0 of 4 people"),
        (empty_cell, "it answered for 0 of 4 people"),
        (before_all_dates, "it answered for 0 of 4 people"),
        (lambda _: None, "it returned no mapping, but a NoneType"),
        (lambda asked: list(asked), "it returned no mapping, but a list"),
        (lambda asked: dict.fromkeys(asked, True), "it answered for 0 of 4 people"),
        (lambda asked: dict.fromkeys(asked, "2026-05-03"), "it answered for 0 of 4 people"),
        (lambda asked: {one.phone: GIVEN for one in asked}, "it answered for 0 of 4 people"),
        (
            lambda asked: dict.fromkeys(asked, Consent("2026-05-03")),  # type: ignore[arg-type]
            "it answered for 0 of 4 people",
        ),
    ],
    ids=lambda value: getattr(value, "__name__", None) and "answer",
)
def test_answer_that_is_none_sends_nothing_and_progress_says_why(
    bench: Bench, answer: Callable[[Sequence[Person]], object], why: str
) -> None:
    SHOP.answer = answer
    batch = bench.submit(4, consent=ASK)
    bench.work()
    assert not bench.gateway.texted
    assert bench.messages() == {"pending": 4}
    said = f"the application gave no consents (DISPATCHER_CONSENT): {why}"
    assert bench.progress().why == said
    assert bench.attempts(batch) == []
    SHOP.answer = everybody
    bench.pass_by(minutes=5)
    bench.work()
    assert bench.messages() == {"sent": 4}
    bench.check()


def test_answer_that_hangs_when_it_is_read_sends_nothing(tables: Database, shop: Any) -> None:
    ends = threading.Event()

    class Slow(Consent):
        def __getattribute__(self, name: str) -> Any:
            ends.wait(PATIENCE)
            return super().__getattribute__(name)

    empty(tables)
    shop.answer = lambda asked: dict.fromkeys(asked, Slow(OPEN.date()))
    with opened(tables, consent=f"{HERE}:consents", consent_timeout=0.2) as bench:
        bench.submit(2, consent=ASK)
        bench.work()
        ends.set()
        assert bench.messages() == {"pending": 2}
        assert bench.progress().why.endswith("it did not answer within 0.2 s")


def test_withdrawals_of_an_answer_for_half_are_counted_and_the_rest_waits(bench: Bench) -> None:
    SHOP.answer = lambda asked: {asked[0]: None, asked[1]: GIVEN}
    bench.submit(4, consent=ASK)
    bench.work()
    assert not bench.gateway.texted
    assert bench.messages() == {"pending": 3, "withdrawn": 1}
    SHOP.answer = everybody
    bench.pass_by(minutes=5)
    bench.work()
    assert bench.messages() == {"sent": 3, "withdrawn": 1}


def test_function_that_hangs_lets_other_campaigns_leave(tables: Database, shop: Any) -> None:
    empty(tables)
    with opened(
        tables, consent=f"{HERE}:consents", consent_timeout=0.05, connections=2, rate=1000
    ) as bench:
        released = threading.Event()
        shop.answer = lambda asked: released.wait(PATIENCE) and everybody(asked)
        bench.submit(3, consent=ASK)
        bench.submit(3, "avis", start=10)
        bench.work()
        assert bench.messages() == {"pending": 3}
        assert bench.messages("avis") == {"sent": 3}
        assert "it did not answer within 0.05 s" in str(bench.progress().why)
        bench.pass_by(minutes=1)
        bench.work()
        assert "1 calls of it are still under way" in str(bench.progress().why)
        assert len(shop.asked) == 1
        released.set()
        bench.pass_by(minutes=5)
        shop.answer = everybody
        bench.work()
        assert bench.messages() == {"sent": 3}


def test_answer_that_is_a_minute_old_when_armed_is_asked_for_again(bench: Bench) -> None:
    batch = bench.submit(3, consent=ASK)
    withdrawn = iter([True])

    def on_connect() -> None:
        if next(withdrawn, False):
            bench.clock.forward(seconds=61)
            SHOP.answer = but(FIRST)

    bench.gateway.on_connect = on_connect
    bench.work()
    assert FIRST not in bench.gateway.texted
    assert bench.messages() == {"sent": 2, "withdrawn": 1}
    assert len(SHOP.asked) == 2
    assert len(bench.attempts(batch)) == 1


def test_hand_over_asks_before_the_gateway_gets_the_batch(bench: Bench) -> None:
    SHOP.answer = but(FIRST)
    at = OPEN + timedelta(hours=3)
    bench.submit(3, consent=ASK, hand_over=True, not_before=at)
    bench.work()
    assert SHOP.asked == [people(3)]
    assert bench.messages() == {"pending": 2, "withdrawn": 1}
    bench.check()


def test_resend_after_a_doubt_asks_again(bench: Bench) -> None:
    bench.send(bench.submit(1, "control", start=9000))
    batch = bench.submit(3, consent=ASK)
    bench.gateway.behave = bench.gateway.swallow
    bench.send(batch)
    bench.gateway.behave = bench.gateway.take
    assert bench.batch(batch).state == "in_doubt"
    SHOP.answer = but(FIRST)
    bench.clock.forward(minutes=1)
    bench.dispatcher.resend(batch, reason="not in their dashboard")
    bench.send(batch)
    assert len(SHOP.asked) == 2
    assert FIRST not in bench.gateway.texted
    assert bench.messages() == {"sent": 2, "withdrawn": 1}
    bench.check()


def test_consent_of_an_earlier_attempt_is_not_shown_for_who_has_withdrawn(bench: Bench) -> None:
    batch = bench.submit(2, consent=ASK)
    bench.gateway.behave = lambda *_: Throttled(90.0)
    bench.send(batch)
    bench.gateway.behave = bench.gateway.take
    SHOP.answer = but(FIRST)
    bench.pass_by(minutes=5)
    bench.work()
    assert bench.messages() == {"sent": 1, "withdrawn": 1}
    [gone] = bench.dispatcher.persons.show(FIRST)["messages"]
    assert (gone["state"], gone.get("consent")) == ("withdrawn", None)
    with bench.dispatcher.database.read() as session:
        rows = EvidenceRows(session, bench.batch(batch).campaign_id, number=str, words=str)
        assert [row["position"] for row in rows.consents()] == [1]


def test_thread_that_cannot_be_started_leaves_its_place_to_the_next(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_thread(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    source = consent_source.ConsentSource(f"{HERE}:consents", seconds=5, most=1)
    person = Person(FIRST)

    def ask() -> Answer:
        return source.ask([person], lambda answer: read(answer, {0: person}, OPEN))

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", no_thread)
        with pytest.raises(consent_source.NoAnswer, match="no thread can be started"):
            ask()
    assert ask().consents == {0: GIVEN}


def test_numbers_in_source_and_wording_are_masked() -> None:
    found = consent_of(Consent(date(2026, 5, 3), f"call from {FIRST}", FIRST))
    assert FIRST not in found.source + found.wording


def consent_of(consent: Consent) -> Consent:
    from dispatcher.campaigns.consent import read

    person = Person(FIRST)
    [found] = read({person: consent}, {0: person}, datetime.now(UTC)).consents.values()
    return found


# -- setting it up


@pytest.mark.parametrize(
    ("name", "says"),
    [
        (f"{HERE}:nobody", "has no function 'nobody'"),
        (f"{HERE}:NOT_A_FUNCTION", "is no function"),
        ("no_such_shop.sms:consents", "cannot be imported: there is no module 'no_such_shop'"),
    ],
)
def test_function_that_cannot_be_imported_is_named(name: str, says: str) -> None:
    with pytest.raises(ConfigurationError, match=f"DISPATCHER_CONSENT: .*{says}"):
        consent_source.load(name)


def test_campaign_that_asks_is_refused_where_no_function_is_set(tables: Database) -> None:
    empty(tables)
    with opened(tables) as bench, pytest.raises(InvalidCampaign, match="DISPATCHER_CONSENT names"):
        bench.submit(3, consent=ASK)


def test_unknown_source_is_refused(bench: Bench) -> None:
    with pytest.raises(InvalidCampaign, match='consent is "ask"'):
        bench.submit(3, consent="yes")


def test_commercial_campaign_without_a_source_is_refused_where_one_is_required(
    tables: Database,
) -> None:
    empty(tables)
    with opened(tables, consent=f"{HERE}:consents", consent_required=True) as bench:
        with pytest.raises(InvalidCampaign, match="DISPATCHER_CONSENT_REQUIRED"):
            bench.submit(3)
        bench.submit(3, "avis", commercial=False, reason="notice")
        bench.submit(3, "soldes", consent=ASK, start=5)


def test_stored_campaign_is_the_same_after_a_source_was_required(tables: Database) -> None:
    empty(tables)
    with opened(tables, consent=f"{HERE}:consents") as bench:
        plain = bench.dispatcher.submit("soldes", TEXT, people(3))
        asked = bench.dispatcher.submit("noel", TEXT, people(3), consent=ASK)
    with opened(tables, consent_required=True) as bench:  # and no function is named any more
        submit = bench.dispatcher.submit
        assert submit("soldes", TEXT, people(3)) == plain
        assert submit("noel", TEXT, people(3), consent=ASK) == asked
        with pytest.raises(ReferenceTaken):
            submit("soldes", TEXT, people(4))
        with pytest.raises(InvalidCampaign, match="DISPATCHER_CONSENT_REQUIRED"):
            submit("soldes 2", TEXT, people(3))
        with pytest.raises(InvalidCampaign, match="DISPATCHER_CONSENT_REQUIRED"):
            bench.dispatcher.plan(TEXT, people(3))
        assert len(bench.campaigns()) == 2


# -- many people


@pytest.mark.parametrize("count", [3000])
def test_nobody_who_withdrew_a_minute_before_is_texted(bench: Bench, count: int) -> None:
    """People withdraw while batches are gathered and armed, and the clock goes on."""
    listed = people(count)
    gone: dict[str, datetime] = {}
    leaving = iter(listed[:: -(count // 500)])  # the first batch is the first that is asked for
    bench.submit(count, consent=ASK)

    def answer(asked: Sequence[Person]) -> object:
        found = {one: None if one.phone in gone else GIVEN for one in asked}
        for _ in range(50):  # withdrawn after the answer was made
            if phone := next(leaving, None):
                gone[phone] = bench.clock()
        return found

    def on_connect() -> None:
        bench.clock.forward(seconds=20)

    SHOP.answer, bench.gateway.on_connect = answer, on_connect
    for _ in range(40):
        bench.work()
        bench.pass_by(seconds=30)
    armed = {one.batch_id: one.armed_at for one in bench.attempts()}
    texted = {phone: armed[batch] for _, batch, phone, state in bench.view() if state in ("sent",)}
    assert gone
    assert not [
        phone
        for phone, at in gone.items()
        if phone in texted and texted[phone] - at > timedelta(minutes=1)
    ]
    sums = bench.messages()
    assert sum(sums.values()) == count
    assert sums["withdrawn"]
    bench.check()

"""Every verb that goes on record: how each caller performs it, and what the record then says."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any, Final
from unittest import mock

from dispatcher import Dispatcher
from dispatcher.api import actor
from dispatcher.campaigns.records import ActionRecord
from dispatcher.language import FRENCH
from dispatcher.recipients.pseudonyms import Pseudonyms
from tests.integration.bench import OPEN, TEXT, Bench, people
from tests.statements import end_undelivered
from tests.unit.language.sentences import english_in

KEY: Final = "a key of the tests, which hides nobody"
TOKEN: Final = "b7e4c1d2a9f80635"
#: of a bench on which every verb can be performed
SETTINGS: Final[Mapping[str, Any]] = {
    "web_token": TOKEN,
    "signing_key": "a signing key of the tests, 32 characters",
    "prices": "metropole=0.04",
    "webhook_url": "https://shop.example/sms",
    "webhook_secret": "a-secret-of-the-tests",
    "series_lists": "list.csv",
    "unreachable_after": 1,
}
ANNE, BRUNO = people(2)
WHY: Final = "a wrong price"
RULE: Final = "FREQ=WEEKLY;BYDAY=FR;BYHOUR=10"
#: what was done before, by somebody else
BEFORE: Final = "before"
_FOREVER: Final[Mapping[str, Any]] = {
    "since": OPEN - timedelta(days=1),
    "until": OPEN + timedelta(days=1),
}


def budgeted(bench: Bench) -> None:
    bench.dispatcher.budgets.set("shop", 500, by=BEFORE)


def nothing(bench: Bench) -> None:
    del bench


def running(bench: Bench) -> None:
    bench.dispatcher.submit("soldes", TEXT, people(3), by=BEFORE)


def paused(bench: Bench) -> None:
    running(bench)
    bench.dispatcher.pause("soldes", by=BEFORE)


def stopped(bench: Bench) -> None:
    running(bench)
    bench.dispatcher.pause_all(by=BEFORE)


def stopped_alone(bench: Bench) -> None:
    bench.dispatcher.pause_all(by=BEFORE)


def doubted(bench: Bench) -> None:
    running(bench)
    bench.gateway.behave = bench.gateway.swallow
    bench.send(1)
    bench.gateway.behave = bench.gateway.take


def listed(bench: Bench) -> None:
    bench.dispatcher.opt_outs.add([ANNE], source="a storm", by=BEFORE)


def asked(bench: Bench) -> None:
    """Anne may have refused: a person is to decide."""
    call = {"type": "response", "phone_number": ANNE, "text": "Non merci STOP", "message_id": 1000}
    bench.dispatcher.inbox.take("reply", json.dumps(call).encode())


def unreached(bench: Bench) -> None:
    """What was sent to Anne did not arrive."""
    running(bench)
    end_undelivered(bench.dispatcher, "soldes", bench.clock() - timedelta(days=1))


def unread(bench: Bench) -> None:
    bench.dispatcher.inbox.take("reply", b"numero=" + ANNE.encode())


def erased(bench: Bench) -> None:
    listed(bench)
    bench.dispatcher.persons.erase(ANNE, reason="asked", by=BEFORE)


def without_a_key(bench: Bench) -> None:
    """Somebody was erased under a key that is lost."""
    erased(bench)
    bench.dispatcher.database.pseudonym_key.configure("a new key, which is another than before")


def weekly(bench: Bench) -> None:
    bench.dispatcher.series.add("hebdo", rule=RULE, text=TEXT, source="list.csv", by=BEFORE)


def weekly_paused(bench: Bench) -> None:
    weekly(bench)
    bench.dispatcher.series.pause("hebdo", by=BEFORE)


def weekly_approved(bench: Bench) -> None:
    weekly(bench)
    with mock.patch.object(actor, "_signed_in", [lambda: "Ada"]):
        bench.dispatcher.series.approve("hebdo", recipients=10)


def to_series(act: str, it: Dispatcher, by: str | None) -> object:
    done: object = getattr(it.series, act)("hebdo", reason=WHY, by=by)
    return done


def order(it: Dispatcher, by: str | None) -> object:
    report = it.number_checks.survey(people(2))
    return it.number_checks.order(report, max_cost=Decimal(5), by=by)


def replay(it: Dispatcher, by: str | None) -> object:
    pseudonyms = Pseudonyms(KEY)
    lines = [
        {"check": pseudonyms.check},
        {"pseudonym": pseudonyms.newest_of(BRUNO), "at": OPEN.isoformat()},
    ]
    return it.persons.replay(lines, by=by)


@dataclass(frozen=True, kw_only=True)
class Case:
    """One way to do something that goes on record."""

    #: of the entry, and what its reason has
    verb: str
    why: str = ""
    #: the state in which it can be done
    ready: Callable[[Bench], object] = nothing
    #: in Python, so also in a view of Django or Flask: with ``by``
    do: Callable[[Dispatcher, str | None], object] | None = None
    #: the public methods that ``do`` calls
    methods: tuple[str, ...] = ()
    #: in the shell, in a folder with ``list.csv``
    shell: tuple[str, ...] = ()
    #: method, path and body of the JSON API
    api: tuple[str, str, Any] | None = None
    #: a campaign is concerned
    campaign: bool = False

    def __str__(self) -> str:
        return "-".join([self.verb.replace(" ", "_"), *self.methods, *self.shell[:2]])


_SUBMIT: Final = ("submit", "list.csv", "--reference", "neuf", "--text", TEXT)
_REASON: Final = ("--reason", WHY)

_FIRST_CASES: Final = (
    Case(
        verb="submit", why=WHY, campaign=True, methods=("Dispatcher.submit",),
        do=lambda it, by: it.submit("neuf", TEXT, people(2), reason=WHY, by=by),
        shell=(*_SUBMIT, *_REASON),
        api=(
            "POST", "/campaigns",
            {"reference": "neuf", "text": TEXT, "recipients": people(2), "reason": WHY},
        ),
    ),
    Case(
        verb="submit", why=f"not commercial: {WHY}", campaign=True,
        do=lambda it, by: it.submit(
            "neuf", TEXT, people(2), commercial=False, reason=WHY, by=by
        ),
        shell=(*_SUBMIT, "--transactional", *_REASON),
    ),
    Case(
        verb="check numbers", campaign=True,
        do=lambda it, by: it.submit("neuf", TEXT, people(2), check_numbers=True, by=by),
        shell=(*_SUBMIT, "--check-numbers"),
    ),
    Case(
        verb="order checks", why="2 numbers, for at most 5 €", do=order,
        methods=("NumberChecks.order",),
        shell=("check-numbers", "list.csv", "--hlr", "--max-cost", "5"),
    ),
    Case(
        verb="pause", why=WHY, ready=running, campaign=True, methods=("Dispatcher.pause",),
        do=lambda it, by: it.pause("soldes", reason=WHY, by=by),
        shell=("pause", "soldes", *_REASON),
        api=("POST", "/campaigns/1/pause", {"reason": WHY}),
    ),
    Case(
        verb="resume", why=WHY, ready=paused, campaign=True, methods=("Dispatcher.resume",),
        do=lambda it, by: it.resume("soldes", reason=WHY, by=by),
        shell=("resume", "soldes", *_REASON),
        api=("POST", "/campaigns/1/resume", {"reason": WHY}),
    ),
    Case(
        verb="resume", why=f"{WHY}; whatever the credit", ready=paused, campaign=True,
        do=lambda it, by: it.resume("soldes", reason=WHY, by=by, check_credit=False),
        shell=("resume", "soldes", "--whatever-credit", *_REASON),
    ),
    Case(
        verb="cancel", why=WHY, ready=running, campaign=True, methods=("Dispatcher.cancel",),
        do=lambda it, by: it.cancel("soldes", reason=WHY, by=by),
        shell=("cancel", "soldes", "--yes", *_REASON),
        api=("POST", "/campaigns/1/cancel", {"reason": WHY}),
    ),
    Case(
        verb="pause all", why=WHY, ready=running, campaign=True,
        methods=("Dispatcher.pause_all",),
        do=lambda it, by: it.pause_all(reason=WHY, by=by),
        shell=("pause", "--all", *_REASON),
    ),
    Case(
        verb="pause all", why=WHY,
        do=lambda it, by: it.pause_all(reason=WHY, by=by),
        shell=("pause", "--all", *_REASON),
    ),
    Case(
        verb="resume all", why=WHY, ready=stopped, campaign=True,
        methods=("Dispatcher.resume_all",),
        do=lambda it, by: it.resume_all(reason=WHY, by=by),
        shell=("resume", "--all", *_REASON),
    ),
    Case(
        verb="resume all", why=WHY, ready=stopped_alone,
        do=lambda it, by: it.resume_all(reason=WHY, by=by),
        shell=("resume", "--all", *_REASON),
    ),
    Case(
        verb="accept restored", ready=stopped, methods=("Dispatcher.accept_restored",),
        do=lambda it, by: it.accept_restored(by=by),
        shell=("migrate", "--restored"),
    ),
    Case(
        verb="resend", why=WHY, ready=doubted, campaign=True, methods=("Dispatcher.resend",),
        do=lambda it, by: it.resend(1, reason=WHY, by=by),
        shell=("resend", "1", "--yes", *_REASON),
    ),
    Case(
        verb="give up", why=WHY, ready=doubted, campaign=True, methods=("Dispatcher.give_up",),
        do=lambda it, by: it.give_up(1, reason=WHY, by=by),
        shell=("give-up", "1", "--yes", *_REASON),
    ),
    Case(
        verb="opt out", why=f"1 new number, by hand; {WHY}",
        methods=("Dispatcher.opt_out",),
        do=lambda it, by: it.opt_out(ANNE, reason=WHY, by=by),
        shell=("opt-outs", "add", ANNE, *_REASON),
    ),
    Case(
        verb="opt out", why=f"1 new number, par courrier; {WHY}", methods=("OptOuts.add",),
        do=lambda it, by: it.opt_outs.add([ANNE], source="par courrier", reason=WHY, by=by),
    ),
    Case(
        verb="opt out", why=f"2 new numbers, import; {WHY}", methods=("OptOuts.add_all",),
        do=lambda it, by: it.opt_outs.add_all(people(2), reason=WHY, by=by),
        shell=("opt-outs", "import", "list.csv", *_REASON),
    ),
    Case(
        verb="remove opt-out", why=WHY, ready=listed, methods=("OptOuts.remove",),
        do=lambda it, by: it.opt_outs.remove(ANNE, reason=WHY, by=by),
        shell=("opt-outs", "remove", ANNE, *_REASON),
    ),
    Case(
        verb="opt out", why=WHY, ready=asked, methods=("OptOuts.decide",),
        do=lambda it, by: it.opt_outs.decide(ANNE, refused=True, reason=WHY, by=by),
        shell=("opt-outs", "decide", ANNE, "--refused", *_REASON),
    ),
    Case(
        verb="remove opt-out", why=WHY, ready=asked,
        do=lambda it, by: it.opt_outs.decide(ANNE, refused=False, reason=WHY, by=by),
        shell=("opt-outs", "decide", ANNE, "--no-refusal", *_REASON),
    ),
    Case(
        verb="take back opt-outs", why=f"1 that came from a storm; {WHY}", ready=listed,
        methods=("OptOuts.take_back",),
        do=lambda it, by: it.opt_outs.take_back(
            source="a storm", reason=WHY, by=by, **_FOREVER
        ),
        shell=(
            "opt-outs", "take-back", "--source", "a storm", "--yes", *_REASON,
            "--since", "2026-11-23T00:00+01:00", "--until", "2026-11-25T00:00+01:00",
        ),
    ),
    Case(
        verb="erase", why=WHY, ready=listed, methods=("Persons.erase",),
        do=lambda it, by: it.persons.erase(ANNE, reason=WHY, by=by),
        shell=("person", "erase", ANNE, "--yes", *_REASON),
    ),
    Case(
        verb="erase", why="erased from the opt-out list", ready=listed,
        methods=("OptOuts.erase",),
        do=lambda it, by: it.opt_outs.erase(ANNE, by=by),
        shell=("opt-outs", "erase", ANNE, "--yes"),
    ),
    Case(
        verb="replay erasures", why="1 that were missing", methods=("Persons.replay",), do=replay,
        shell=("person", "replay", "erasures.jsonl"),
    ),
    Case(
        verb="see numbers", why="all that is stored about one person", ready=listed,
        methods=("Persons.show",),
        do=lambda it, by: it.persons.show(ANNE, by=by),
        shell=("person", "show", ANNE),
    ),
    Case(
        verb="see numbers", why="of the opt-out list", ready=listed,
        shell=("opt-outs", "list", "--full"),
    ),
    Case(
        verb="see numbers", why="of 1 probable refusal", ready=asked,
        shell=("opt-outs", "undecided", "--full"),
    ),
    Case(
        verb="see numbers", why="of unreachable numbers", ready=unreached,
        shell=("unreachable", "list", "--numbers"),
        api=("GET", "/unreachable?numbers=true", None),
    ),
    Case(
        verb="lift", why=WHY, ready=unreached, methods=("Unreachable.lift",),
        do=lambda it, by: it.unreachable.lift(ANNE, reason=WHY, by=by),
        shell=("unreachable", "lift", ANNE, *_REASON),
        api=("POST", "/unreachable/lift", {"phone": ANNE, "reason": WHY}),
    ),
    Case(
        verb="see numbers", why="of 1 reply", ready=asked, shell=("replies", "--numbers"),
    ),
    Case(
        verb="see numbers", why="of calls that could not be read", ready=unread,
        shell=("unread", "--numbers"),
    ),
    Case(
        verb="delete calls", why="1 call that could not be read", ready=unread,
        methods=("Inbox.remove_unread",),
        do=lambda it, by: it.inbox.remove_unread(1, by=by),
        shell=("unread", "--done", "1"),
    ),
    Case(
        verb="export", why="the opt-out list, to out.csv", ready=listed,
        shell=("opt-outs", "export", "out.csv"),
    ),
    Case(
        verb="export", why="results of campaign 1, soldes: masked numbers", ready=running,
        shell=("results", "soldes", "--output", "out.csv"),
        api=("GET", "/campaigns/1/results", None),
    ),
    Case(
        verb="export", why="results of campaign 1, soldes: whole numbers", ready=running,
        shell=("results", "soldes", "--output", "out.csv", "--numbers"),
        api=("GET", "/campaigns/1/results?numbers=true", None),
    ),
    Case(
        verb="export", why="the evidence of campaign 1, soldes", ready=running,
        methods=("Dispatcher.evidence", "EvidenceWriter.write"),
        api=("GET", "/campaigns/1/evidence", None),
        do=lambda it, by: it.evidence("soldes", "soldes.zip", by=by),
        shell=("evidence", "soldes", "--output", "soldes.zip"),
    ),
    Case(
        verb="export", why="the erasures, as pseudonyms, to out.jsonl", ready=erased,
        shell=("person", "export-erasures", "out.jsonl"),
    ),
    Case(
        verb="export", why="the evidence of campaign 1, soldes", ready=running,
        methods=("EvidenceWriter.pieces",),
        do=lambda it, by: list(it.evidence_writer.pieces("soldes", by=by)),
    ),
    Case(
        verb="set budget", why=f"shop: 500 € a month; {WHY}", methods=("Budgets.set",),
        do=lambda it, by: it.budgets.set("Shop", 500, reason=WHY, by=by),
        shell=("budgets", "set", "shop", "500", *_REASON),
        api=("PUT", "/budgets/shop", {"euros": 500, "reason": WHY}),
    ),
    Case(
        verb="set budget", why="shop: 20.50 € a month, before 500 €", ready=budgeted,
        do=lambda it, by: it.budgets.set("shop", "20,5", by=by),
    ),
    Case(
        verb="remove budget", why=f"shop; {WHY}", ready=budgeted, methods=("Budgets.remove",),
        do=lambda it, by: it.budgets.remove("shop", reason=WHY, by=by),
        shell=("budgets", "remove", "shop", *_REASON),
    ),
    Case(
        verb="remove budget", why="shop", ready=budgeted, api=("DELETE", "/budgets/shop", None),
    ),
    Case(
        verb="forget key", why=WHY, ready=without_a_key, methods=("Persons.forget_keys",),
        do=lambda it, by: it.persons.forget_keys(reason=WHY, by=by),
        shell=("person", "forget-key", "--yes", *_REASON),
    ),
    Case(
        verb="see numbers", why=WHY, methods=("ActionRecords.note",),
        do=lambda it, by: it.record.note("see numbers", reason=WHY, by=by),
    ),
)  # fmt: skip

_ADD: Final = ("series", "add", "neuf", "--rule", RULE, "--list", "list.csv", "--text", TEXT)
SERIES_CASES: Final = (
    Case(
        verb="add series", why=f"neuf: {RULE}", methods=("SeriesActions.add",),
        do=lambda it, by: it.series.add("neuf", rule=RULE, text=TEXT, source="list.csv", by=by),
        shell=_ADD,
        api=("POST", "/series", {"name": "neuf", "rule": RULE, "text": TEXT, "list": "list.csv"}),
    ),
    Case(
        verb="change series", why="hebdo: text", ready=weekly, methods=("SeriesActions.change",),
        do=lambda it, by: it.series.change("hebdo", text="Autre", by=by),
        shell=("series", "change", "hebdo", "--text", "Autre"),
        api=("POST", "/series/1/change", {"text": "Autre"}),
    ),
    Case(
        verb="end approval of series", why=f": {WHY}", ready=weekly_approved,
        methods=("SeriesActions.end_approval",), do=partial(to_series, "end_approval"),
        shell=("series", "end-approval", "hebdo", *_REASON),
        api=("POST", "/series/1/end-approval", {"reason": WHY}),
    ),
    *(
        Case(
            verb=verb, why=f": {WHY}", ready=ready, methods=(f"SeriesActions.{name}",),
            do=partial(to_series, name),
            shell=("series", name, "hebdo", *_REASON, *more),
            api=("POST", f"/series/1/{name}", {"reason": WHY}),
        )
        for verb, name, ready, more in (
            ("pause series", "pause", weekly, ()),
            ("resume series", "resume", weekly_paused, ()),
            ("skip occurrence", "skip", weekly, ()),
            ("end series", "end", weekly, ("--yes",)),
        )
    ),
)  # fmt: skip

CASES: Final = (*_FIRST_CASES, *SERIES_CASES)

#: commands that change nothing and show no whole number, or whose work has entries of its own
OTHER_COMMANDS: Final = {
    "lint", "plan", "progress", "why", "campaigns", "doubts", "window", "settings", "doctor",
    "recording", "tick", "run", "celery", "webhooks", "sandbox", "spend", "demo", "record show",
    "record verify", "evidence verify", "evidence key", "opt-outs history", "opt-outs sync",
    "console createuser",  # ``test_console`` has it
    # who acts is who is signed in: drafts and testers have tests of their own
    "approve", "refuse", "drafts discard", "drafts hand-in", "drafts plan", "drafts show",
    "drafts submit", "drafts take-back", "drafts write", "test", "testers add", "testers list",
    "testers remove", "person stale", "rehearse", "series list", "series show", "series plan",
    "series approve", "unreachable show", "messages since",
}  # fmt: skip


def in_folder(folder: Path) -> None:
    """The files that the commands read."""
    rows = "\n".join(["phone", *people(2)])
    (folder / "list.csv").write_text(f"{rows}\n", encoding="utf-8")
    pseudonyms = Pseudonyms(KEY)
    lines = f'{{"check": "{pseudonyms.check}"}}\n'
    lines += f'{{"pseudonym": "{pseudonyms.newest_of(BRUNO)}", "at": "{OPEN.isoformat()}"}}\n'
    (folder / "erasures.jsonl").write_text(lines, encoding="utf-8")


def check(bench: Bench, case: Case, known: int, *, actor: str, origin: str) -> None:
    """The record has one entry of the verb behind the ``known`` ones: who, where, when, what, why.

    It is sealed, and it holds no number.
    """
    page = bench.dispatcher.record.page(limit=100)
    new: Sequence[ActionRecord] = page.items[: page.total - known]
    mine = [one for one in new if one.verb == case.verb]
    assert len(mine) == 1, new
    [entry] = mine
    assert (entry.actor, entry.origin, entry.at) == (actor, origin, bench.clock())
    assert case.why in entry.reason
    assert english_in(FRENCH.after_place(entry.reason).replace(WHY, "")) == []
    assert (entry.campaign_id is not None) == case.campaign
    assert all("399800" not in "".join(filter(str.isdigit, one.reason)) for one in new)
    found = bench.dispatcher.record.verify()
    assert (found.late, found.problems) == (0, ())


def known(bench: Bench) -> int:
    return bench.dispatcher.record.page(limit=1).total

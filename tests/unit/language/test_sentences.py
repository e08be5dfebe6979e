"""Every sentence that a page of the console or a command may show has a French translation."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import click
import pytest
from sqlalchemy import Select

from dispatcher.cli import cli
from dispatcher.cli.command_table import COMMANDS
from dispatcher.language import FRENCH
from dispatcher.monitoring.doctor import CHECKS
from dispatcher.settings import Settings
from dispatcher.storage import persons
from tests.unit.language.sentences import HOLE, ROOT, Sentence, english_in, sentences_of

CONSOLE = ROOT / "dispatcher/contrib/django/console"
TEMPLATES = sorted((CONSOLE / "templates").rglob("*.html"))
#: what the pages quote: errors, warnings, reasons, findings and their cures
MODULES = (
    *(f"api/{name}" for name in (
        "actor", "draft_lists", "budgets", "drafts", "gateways", "intake", "lifecycle",
        "number_checks", "opt_outs", "others", "recipient_list", "records", "repeats",
        "results", "screening", "submit", "surroundings", "testers", "written_drafts",
        "occurrences", "occurrence_drafts", "inbox", "unreachable",
        "series", "series_approval", "series_lists", "series_setup", "occurrence_notes",
    )),
    *(f"campaigns/{name}" for name in (
        "breaker", "campaign_tags", "caps", "causes", "change", "consent",
        "consent_column", "budgets", "credit", "draft", "testers", "hand_over", "left_out",
        "message_changes",
        "others", "plan", "planner", "progress", "recurrence", "recurrence_parts", "schedule",
        "selection", "series",
        "series_approval", "series_checks", "series_fields", "set_aside", "smoothing",
        "paced_batches", "spend",
        "stop_list_age", "submission", "traffic", "value_findings", "wording",
    )),
    *(f"monitoring/{name}" for name in (
        "campaign_checks", "cures", "doctor", "installation_checks", "message_checks",
        "person_checks",
    )),
    *(f"storage/{name}" for name in (
        "actions", "batches", "campaigns", "database", "doubts", "draft_lists",
        "drafts", "testers", "driver_errors", "durability",
        "erasures", "identity", "opt_out_history", "opt_outs", "own_key", "pauses",
        "probable_refusals", "pseudonym_key", "pseudonymous", "schema", "series", "stop_list",
        "stop_storms", "lost_keys", "recipient_retention",
        "worker_refusals",
    )),
    "cli", "dispatch", "gateway", "recipients/files", "recipients/number_checks",
    "recipients/reasons",
    "recipients/senders", "recipients/values", "texts/arrival", "texts/lint", "texts/segments",
    "texts/templates", "window/commercial", "window/hours", "window/policy", "window/territories",
)  # fmt: skip
#: what stands before a sentence of a command: its name, blanks, the number of a step
_BEFORE = re.compile(rf"^(?:dispatcher: (?:warning: )?|\s*(?:(?:\d+|{HOLE})\. )?)")
#: what no page shows: SQL, patterns of the cures, names of tasks for the log, calls of webhooks,
#: forms of objects for developers, paths of the command line
UNSEEN = re.compile(
    r"\b(?:SELECT|INSERT|SET LOCAL|COPY|PRAGMA|concat_ws|has_function_privilege|pg_\w+)\b"
    r"|\.\*|\(\?|\\|\|"
    r"|^the call (?:is|names|ended)|^the call's text|^(?:lookup|poll|recall|callback) of "
    r"|^(?:LineAnswer|FieldError|Report)\(|^version https|^it is an? |^its name holds"
    r"|^(?:expected after|field limit|end of data|repeatable read)$|^PostgreSQL "
    r"|^(?:orders of checks|unknown country|unknown kind|not delivered|nobody signed in)$"
    r"|^(?:MS-DOS text, cp850|Mac OS Roman)$|signed in: |does not exist$|^the last entry fits"
    r"|^connections\? to|^[a-z]+ing up$"
    # of the command line: pictures, styles, code, types, help, lists of sentences
    r"|<(?:title|desc|svg|rect|line|path|text|defs)\b|stroke-width=|'Segoe UI'|^bold yellow$"
    rf"|^from dispatcher\.|load\('celery'\)|^Callable\[|^[\x08]|task\.|^{HOLE} kept of {HOLE}, "
    r"|^export DISPATCHER_|%\(asctime\)s|^dispatcher resume --all$"
    r"|^test of |^, any hour$|^unable to open$|^permission denied$|^it is no regular file$"
)
#: what the code of the console says to browsers, Django and those who start it
UNSHOWN = re.compile(
    r"default-src|text/csv|<svg|<rect|attachment; filename|cannot be listened on"
    r"|^there is a user|^one message$|^Mac OS Roman$"
)
#: a part of a template that is no text: tags of Django and HTML
_TAGS = re.compile(
    r"{% *blocktranslate.*?{% *endblocktranslate *%}|{%.*?%}|{{.*?}}|{#.*?#}"
    r"|<(?:[^<>\"']|\"[^\"]*\"|'[^']*')*>",
    re.DOTALL,
)
_ATTRIBUTES = re.compile(r'\b(?:aria-label|alt|title|placeholder|data-label)="([^"]*)"')


def _entries() -> list[str]:
    catalogue = FRENCH._catalogue
    return [*catalogue.sentences, *(one for words in catalogue.words.values() for one in words)]


ENTRIES = _entries()


@pytest.mark.parametrize("module", MODULES)
def test_every_sentence_that_a_page_may_quote_has_a_translation(module: str) -> None:
    missing = [
        f"{place}: {text.replace(HOLE, '{…}')}"
        for place, said in sentences_of(module)
        if (text := _BEFORE.sub("", said)) and not UNSEEN.search(text)
        if not Sentence(place, text).is_in(ENTRIES)
    ]
    assert missing == []


def _helps(command: click.Command, path: str = "") -> Iterator[tuple[str, str]]:
    """The help texts of a command, its options and its subcommands, each with its place."""
    for text in filter(None, [command.help, command.epilog]):
        for paragraph in inspect.cleandoc(text).split("\n\n"):
            whole = paragraph.startswith("\b\n")
            yield path, paragraph[2:] if whole else " ".join(paragraph.split())
    for param in command.params:
        if isinstance(param, click.Option) and param.help:
            yield f"{path} {param.opts[0]}", param.help
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from _helps(found, f"{path} {name}")


def test_every_help_text_of_a_command_or_option_has_a_translation() -> None:
    known = FRENCH._catalogue.sentences
    helps = [*_helps(cli), *(("dispatcher", says) for _, says in COMMANDS.values() if says)]
    assert len(helps) > 200
    assert [(place, text) for place, text in helps if text not in known] == []


def test_every_metavar_of_an_option_or_argument_has_a_translation() -> None:
    words = FRENCH._catalogue.words["metavar"]
    same = {"ISO", "EUROS", "ID", "SCRIPT", "SOURCE", "JSON", "OPTIONS", "ARGS"}
    same |= {"RANGE", "BOOLEAN"}  # beside a number, and of a flag, which shows none
    shown = {word for place in _usages(cli) for word in re.findall(r"\b[A-Z]{2,}\b", place)}
    assert shown - set(words) - same == set()


def test_help_text_names_an_argument_as_the_usage_does() -> None:
    words = FRENCH._catalogue.words["metavar"]
    wrong = [
        (english, says)
        for text, says in FRENCH._catalogue.sentences.items()
        for english, french in words.items()
        if english != french and re.search(rf"\b{english}\b", text)
        if re.search(rf"(?<![A-Z_=]){english}\b", says)
    ]
    assert wrong == []


def _usages(command: click.Command) -> Iterator[str]:
    context = click.Context(command)
    yield " ".join(command.collect_usage_pieces(context))
    yield from (param.make_metavar(context) for param in command.params)
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from _usages(found)


def test_sentence_without_a_translation_is_found() -> None:
    assert not Sentence("x", f"the sky is {HOLE} today").is_in(ENTRIES)
    assert Sentence("x", f"{HOLE} of {HOLE} rows cannot be texted").is_in(ENTRIES)


def test_every_check_of_the_doctor_has_a_name() -> None:
    assert set(FRENCH._catalogue.words["check"]) == set(CHECKS)


@pytest.mark.parametrize(
    "sentence",
    [
        (
            "none of 3 rows can be texted: 2 × landline (a landline gets no SMS: give a mobile "
            "number), 1 × empty (there is no number: give one) and 2 more reasons"
        ),
        (
            "1,204 of 5,000 rows cannot be texted (strict): 1,204 × empty (there is no number: "
            "give one)"
        ),
        (
            "none of 3,000 rows can be texted: 2,998 × The field “prenom” is missing or empty; "
            '{{ prenom | default("…") }} gives it a default, 1 × The text takes 12 segments; the '
            "most is 10, 1 × empty (there is no number: give one)"
        ),
        "1 of 2 rows cannot be texted (strict): 1 × The text is empty",
        "ada of the console: writes",
        "ada of the console: writes, approves, operates, sees numbers",
        "everything is paused by zoe since 2027-03-27 08:00 UTC: a pseudonym key was lost",
        "of testers",
        "of the list of soldes",
        "of the rejected rows of soldes",
        "in the draft soldes",
        (
            "3 of 1,200 need Unicode for “ê”, “ë” and others: 6 segments instead of 3 (first "
            "in line 4)"
        ),
        "1 of 20 needs Unicode: 2 segments instead of 1",
        "2 of 20 lose an accent: “Zoë” arrives as “Zoe” (first in line 2)",
        "1 of 20 holds garbled letters, which are texted as they stand: “ZoÃ©” (line 2)",
        "ç in “prenom” arrive as other characters or not at all: 1 of 20 (line 3)",
        (
            '2 rows without “prenom” cannot be texted: {{ prenom | default("…") }} says what '
            "stands in its place"
        ),
        "Position 9: “{{” is never closed. Did you mean {{ prenom }}?",
        'Position 9: only {{ field }} and {{ field | default("…") }} are understood.',
        (
            "this is not the plan that was approved: text, options, recipients or prices "
            "differ. It is now 3 recipients, 6 segments, 0.27 €"
        ),
        (
            "the same text reaches 1,234 of these people within 30 days under 'soldes': submit "
            "refuses it (DISPATCHER_REPEAT_MODE)"
        ),
        "reference 'soldes' was submitted with another body",
        "the file is a PDF document; save the list as CSV or XLSX in the program that made it",
        "no column “tel”; the file has “a”, “b” and 3 more",
        (
            "not_after, Sunday 2027-03-28 10:00 in Paris, is before the next opening, "
            "Tuesday 2027-03-30 08:00 (Sunday, Easter Monday)"
        ),
        "not_after, Sunday 2027-03-28 10:00 in Paris, lies in the past",
        "5,000 recipients exceed the cap of 1,000 per campaign (DISPATCHER_CAMPAIGN_RECIPIENTS)",
        "not looked at: needs the database",
        "Redis does not answer at DISPATCHER_BROKER_URL: nothing listens at 127.0.0.1:6379",
        "operators may block links of bit.ly (charter of 2024-09-01): use your own domain",
        "the sender is digits alone, which operators refuse since 2023-01-01",
        "SQLite /srv/dispatcher.db has no tables: nothing was ever submitted to it",
        "the signing key dispatcher.db.signing-key is empty: restore it",
        "balance 12.40 €, 3.20 € to go",
        "the price of metropole was not set and is 0.05 €",
        "paused: the gateway refuses the field sender: the sender is invalid",
        "series hebdo: these people have agreed to get commercial messages",
        "approved  by ada on Tuesday 11:00, up to 1 recipient and 30 € each",
        *(
            f"series hebdo is approved by ada up to {cap}; plan 0f3a"
            for cap in (
                "1 recipient",
                "3 recipients",
                "30.50 €",
                "1 recipient and 0.12 €",
                "1,200 recipients and 30 €",
            )
        ),
    ],
)
def test_sentence_that_is_made_of_parts_is_translated_whole(sentence: str) -> None:
    assert FRENCH.knows(sentence)
    assert english_in(FRENCH.say(sentence)) == []


def _catalogues() -> ModuleType:
    spec = spec_from_file_location("catalogues", ROOT / "scripts/catalogues.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_catalogues_are_up_to_date_and_complete() -> None:
    catalogues = _catalogues()
    assert catalogues.stale() == {}
    assert catalogues.untranslated() == []


def test_french_punctuation_stays_with_its_word() -> None:
    pages = [one.string for one in _catalogues().read(CONSOLE / "locale/fr/LC_MESSAGES/django.po")]
    said = [*FRENCH._catalogue.sentences.values(), *map(str, pages[1:])]
    assert [one for one in said if re.search(r" [:;?!»€](?: |$)|« ", one)] == []


def test_every_sentence_of_the_consoles_code_is_marked_for_translation() -> None:
    pages = [one.id for one in _catalogues().read(CONSOLE / "locale/fr/LC_MESSAGES/django.po")]
    known = [
        *ENTRIES,
        *(one for ids in pages for one in (ids if isinstance(ids, tuple) else [ids])),
    ]
    missing = [
        f"{place}: {text.replace(HOLE, '{…}')}"
        for place, text in sentences_of("contrib/django/console")
        if not UNSHOWN.search(text) and not Sentence(place, text).is_in(known)
    ]
    assert missing == []


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.stem)
def test_every_word_of_a_template_is_inside_a_tag_that_translates_it(template: Path) -> None:
    source = template.read_text(encoding="utf-8")
    shown = [*_ATTRIBUTES.findall(source), _TAGS.sub(" ", source)]
    words = {word for part in shown for word in re.findall(r"[^\W\d_]{2,}", _TAGS.sub(" ", part))}
    assert words <= {"STOP", "Français", "English"}


@pytest.mark.parametrize("name", Settings.model_fields)
def test_setting_is_described_in_french(name: str) -> None:
    description = Settings.model_fields[name].description
    assert description is None or FRENCH.knows(description)


def test_what_is_stored_about_a_person_is_named_in_french() -> None:
    source = inspect.getsource(persons)
    queries = [one for one in vars(persons).values() if isinstance(one, Select)]
    columns = {one.key for query in queries for one in query.selected_columns} - {"states"}
    assert "phone" in columns
    words = FRENCH._catalogue.words
    assert columns - words["stored_column"].keys() == set()
    tables = set(re.findall(r'^        "(\w+)": ', source, re.MULTILINE))
    assert tables == words["stored_table"].keys()


def test_what_goes_on_record_has_a_french_verb() -> None:
    written = re.compile(
        r'note\((?:session, |session, None, )?(?:verb=)?"([a-z ]+)"'
        r'|verb="([a-z ]+)"|"([a-z ]+ draft)", who'
    )
    sources = (path.read_text(encoding="utf-8") for path in (ROOT / "dispatcher").rglob("*.py"))
    found = {next(filter(None, one)) for source in sources for one in written.findall(source)}
    assert {"hand in draft", "add tester", "confirm consent"} <= found
    assert found - FRENCH._catalogue.words["verb"].keys() == set()

"""Nothing that a terminal would obey, or that hides, is printed as it is."""

from __future__ import annotations

import io
import json
import logging
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatcher.cli.output import complain, out, print_json, print_table, say
from dispatcher.local.supervisor import Supervisor
from dispatcher.settings import Settings
from dispatcher.settings.logs import harden
from dispatcher.settings.visible import visible, visible_json, visible_line

#: colour, title of the window, C1 introducer, back, delete, right-to-left, isolate, lines
HOSTILE = "a\x1b[31mb\x1b]0;x\x07c\x9b2Jd\re\x08f\x7fg\u202eh\u2066i\u2028j\ufeffk\ud800l"
DANGER = frozenset("\x1b\x07\x9b\r\x08\x7f\u202e\u2066\u2028\ufeff\ud800")


def test_control_and_invisible_characters_are_shown_as_escapes() -> None:
    assert visible(HOSTILE) == (
        "a\\x1b[31mb\\x1b]0;x\\x07c\\x9b2Jd\\re\\x08f\\x7fg\\u202eh\\u2066i\\u2028j\\ufeffk\\ud800l"
    )


@pytest.mark.parametrize(
    "text", ["Été à 8 h : 5 000 €", "06\u202f39", "👨\u200d👩\u200d👧", "a\u00a0: b"]
)
def test_text_as_people_write_it_stays(text: str) -> None:
    assert visible(text) == text


@given(st.text())
def test_nothing_that_a_terminal_obeys_is_left(text: str) -> None:
    shown = visible(text)

    kinds = {unicodedata.category(char) for char in shown if char != "\u200d"}
    assert not kinds & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert visible(shown) == shown


@given(st.text())
def test_json_means_the_same(text: str) -> None:
    written = visible_json(json.dumps(text, ensure_ascii=False))

    assert json.loads(written) == text
    assert not DANGER & set(written)


def test_line_of_a_log_keeps_its_one_colour() -> None:
    assert visible_line("\x1b[1;31ma\x1b[2Jb\nc\x1b[0m") == "\x1b[1;31ma\\x1b[2Jb\nc\x1b[0m"


def test_sentences_tables_and_errors_are_printed_visibly(
    capsys: pytest.CaptureFixture[str],
) -> None:
    say(HOSTILE)
    complain(HOSTILE)
    print_table([HOSTILE, "n"], [[HOSTILE, HOSTILE]], right=["n"])
    out().print(HOSTILE)
    print_json({"a": HOSTILE})

    printed = capsys.readouterr()
    assert not DANGER & set(printed.out + printed.err)
    assert printed.out.count("\\x1b[31mb") >= 4
    assert json.loads(printed.out.splitlines()[-1]) == {"a": HOSTILE}


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_line_of_a_log_holds_no_control_character(log_format: str) -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    harden([handler], Settings(log_format=log_format))
    log = logging.getLogger("dispatcher.test.visible")
    log.addHandler(handler)
    log.propagate = False  # pytest's own handlers cannot write half of a pair
    try:
        log.error("refused: %s", HOSTILE)
    finally:
        log.removeHandler(handler)
        log.propagate = True

    assert not DANGER & set(stream.getvalue())


def test_line_of_a_child_is_printed_visibly(tmp_path: Path) -> None:
    with (tmp_path / "out").open("w+", encoding="utf-8") as file:
        Supervisor([], file, line=lambda name, text: f"{name} {text}")._print("worker", HOSTILE)
        file.seek(0)

        assert not DANGER & set(file.read())

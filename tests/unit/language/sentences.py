"""The sentences that modules say, read from their source: constants and f-strings of some words."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[3]
#: stands for what is filled in
HOLE = "\N{OBJECT REPLACEMENT CHARACTER}"
#: names whose calls nobody reads on a page
_SILENT = {"log", "logger", "text", "re", "sa"}


#: words of sentences of the library that are no French ones
_english = re.compile(
    r"\b(?:the|of|rows?|gets?|is|are|was|first|and|with|needs?|more|give|looks?|file|these|people"
    r"|have|has|recipients?|missed|up to|each|by|from|numbers?|month|new|that|came|for|changed|all"
    r"|calls?|written|approved|skipped)\b"
)


class Sentence(NamedTuple):
    """One sentence: where it is said, and its text with ``HOLE`` for what is filled in."""

    place: str
    text: str

    def is_in(self, catalogue: Iterable[str]) -> bool:
        """Whether an entry has all the words of the sentence in their order.

        A part of a longer sentence is in the entry of the longer one.
        """
        words = (re.escape(part) for part in self.text.strip(";,: ").split(HOLE))
        looks = re.compile(".*?".join(words), re.DOTALL)
        return any(looks.search(entry) for entry in catalogue)


def english_in(text: str) -> list[str]:
    """The English words that stand in a French text."""
    return _english.findall(text)


def sentences_of(module: str) -> Iterator[Sentence]:
    """What a module or a folder of ``dispatcher`` says, without docstrings and logs."""
    start = ROOT / "dispatcher" / module
    for path in sorted(start.rglob("*.py")) if start.is_dir() else [start.with_suffix(".py")]:
        for text in dict.fromkeys(_said(ast.parse(path.read_text("utf-8")))):
            yield Sentence(path.relative_to(ROOT).as_posix(), text)


def _said(node: ast.AST) -> Iterator[str]:
    for child in ast.iter_child_nodes(node):
        if _is_silent(child):
            continue
        text = _text(child)
        if text is None:
            yield from _said(child)
            continue
        if _is_sentence(text):
            yield text
        for inner in ast.walk(child):
            if isinstance(inner, ast.FormattedValue):
                yield from _said(inner)


def _is_silent(node: ast.AST) -> bool:
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return True  # a docstring
    called = node.func if isinstance(node, ast.Call) else None
    return (
        isinstance(called, ast.Attribute)
        and isinstance(called.value, ast.Name)
        and called.value.id in _SILENT
    )


def _text(node: ast.AST) -> str | None:
    """A string with ``HOLE`` for what is filled in; None if it is no string."""
    match node:
        case ast.Constant(value=str(text)):
            return re.sub(r"\{\w*\}", HOLE, text)
        case ast.JoinedStr():
            return "".join(
                str(part.value) if isinstance(part, ast.Constant) else HOLE for part in node.values
            )
        case ast.BinOp(left=left, right=right, op=ast.Add()):
            parts = _text(left), _text(right)
            return None if None in parts else "".join(map(str, parts))
    return None


def _is_sentence(text: str) -> bool:
    return len(re.findall(r"[a-z]{2,}", text)) > 1 and " " in text.strip()

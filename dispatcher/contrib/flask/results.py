"""The results of a campaign, and its evidence, as answers that are streamed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from http import HTTPStatus
from itertools import chain
from typing import Final

from flask import Response, current_app, request

from dispatcher.api import Dispatcher
from dispatcher.api.result_files import pieces
from dispatcher.contrib.flask.openapi import EVIDENCE_TYPE, RESULT_TYPES
from dispatcher.contrib.flask.problems import Problem
from dispatcher.contrib.flask.routes import one_of, wants_numbers
from dispatcher.errors import DispatcherError, code_of

_CHARSETS: Final = {"jsonl": "", "csv": "; charset=utf-8", "xlsx": ""}


def streamed_results(library: Dispatcher, campaign: int, actor: str) -> Response:
    """The file that the query asks for, and an entry of ``actor`` on record.

    If the sums are wrong the answer is cut off, so that no client takes it for complete.
    """
    form = one_of("format", [*RESULT_TYPES]) or _accepted()
    whole = wants_numbers()
    found = library.results(campaign, states=request.args.getlist("state"))
    written = pieces(found, form, hides=not whole)
    found.note(hides=not whole, by=actor)
    kind, name = f"{RESULT_TYPES[form]}{_CHARSETS[form]}", f"results-{found.id}.{form}"
    return _streamed(written, found.close, kind, name)


def streamed_evidence(library: Dispatcher, campaign: int, actor: str) -> Response:
    """The signed file of evidence, and an entry of ``actor`` on record.

    What goes wrong within cuts the answer off: a ZIP without its end is none.
    """
    written = library.evidence_writer.pieces(campaign, hides=not wants_numbers(), by=actor)
    return _streamed(written, written.close, EVIDENCE_TYPE, f"evidence-{campaign}.zip")


def _streamed(
    written: Iterator[bytes], close: Callable[[], None], kind: str, name: str
) -> Response:
    """A file as an answer; ``close`` ends its reading, also where nobody reads to its end."""
    answer = Response(_begun(written, close), content_type=kind)
    answer.headers["Content-Disposition"] = f"attachment; filename={name}"
    answer.call_on_close(close)
    return answer


def _begun(written: Iterator[bytes], close: Callable[[], None]) -> Iterator[bytes]:
    """The same, with its first piece made: what is wrong by then has an answer of its own."""
    try:
        first = next(written)
    except DispatcherError as error:
        close()
        if type(error) is not DispatcherError:
            raise
        current_app.logger.error("dispatcher: %s", error)  # noqa: TRY400 - the sentence says it all
        raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, code_of(error), str(error)) from None
    return chain([first], written)


def _accepted() -> str:
    """The format that the header Accept likes best; JSON lines if it names none."""
    best = request.accept_mimetypes.best_match(list(RESULT_TYPES.values()))
    return next((form for form, kind in RESULT_TYPES.items() if kind == best), "jsonl")

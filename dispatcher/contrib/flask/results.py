"""The results of a campaign as an answer that is streamed."""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus
from itertools import chain
from typing import Final

from flask import Response, current_app, request

from dispatcher.api import Dispatcher
from dispatcher.api.result_files import pieces
from dispatcher.api.results import Results
from dispatcher.contrib.flask.openapi import RESULT_TYPES
from dispatcher.contrib.flask.problems import Problem
from dispatcher.errors import DispatcherError, code_of

_CHARSETS: Final = {"jsonl": "", "csv": "; charset=utf-8", "xlsx": ""}


def streamed_results(library: Dispatcher, campaign: int, actor: str) -> Response:
    """The file that the query asks for, and an entry of ``actor`` on record.

    If the sums are wrong the answer is cut off, so that no client takes it for complete.
    """
    form = _one_of("format", [*RESULT_TYPES]) or _accepted()
    whole = _one_of("numbers", ["true", "false"]) == "true"
    found = library.results(campaign, states=request.args.getlist("state"))
    written = pieces(found, form, hides=not whole)
    # before the first number leaves: an export that is not on record is none
    which = "whole numbers" if whole else "masked numbers"
    library.record.note(
        "export", reason=f"results of campaign {found.id}, {found.reference}: {which}", by=actor
    )
    answer = Response(_begun(found, written), content_type=f"{RESULT_TYPES[form]}{_CHARSETS[form]}")
    answer.headers["Content-Disposition"] = f"attachment; filename=results-{found.id}.{form}"
    answer.call_on_close(found.close)
    return answer


def _begun(found: Results, written: Iterator[bytes]) -> Iterator[bytes]:
    """The same, with its first piece made: what is wrong by then has an answer of its own."""
    try:
        first = next(written)
    except DispatcherError as error:
        found.close()
        if type(error) is not DispatcherError:
            raise
        current_app.logger.error("dispatcher: %s", error)  # noqa: TRY400 - the sentence says it all
        raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, code_of(error), str(error)) from None
    return chain([first], written)


def _one_of(name: str, known: list[str]) -> str | None:
    """A word of the query. Raises Problem (422) for one that is not known."""
    value = request.args.get(name)
    if value is None or value in known:
        return value
    sentence = f"{name} must be {' or '.join(known)}"
    raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "unusable_input", sentence)


def _accepted() -> str:
    """The format that the header Accept likes best; JSON lines if it names none."""
    best = request.accept_mimetypes.best_match(list(RESULT_TYPES.values()))
    return next((form for form, kind in RESULT_TYPES.items() if kind == best), "jsonl")

"""The list of a series, read anew for each occurrence: a file, or a name in the application."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from dispatcher.campaigns.consent_column import columns_in
from dispatcher.campaigns.series import Series
from dispatcher.campaigns.submission import RecipientInput
from dispatcher.dispatch.consent_source import named, surroundings
from dispatcher.errors import DispatcherError, InvalidCampaign, InvalidFile
from dispatcher.recipients.files import open_recipients
from dispatcher.texts.templates import compile_template

#: what a framework makes of its own rows and models, such as a QuerySet; None where another reads
Reader = Callable[[Any, str, "str | None", Mapping[str, Any]], "Iterable[RecipientInput] | None"]

_is_name: Final = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*").fullmatch
#: how a list may be read: by columns of a file, or by fields of rows and models
_OF_FILE: Final = (
    *("column", "territory_column", "key_column", "last_contact_column", "encoding", "sheet"),
    *("skip_lines", "hidden"),
)
_OF_NAME: Final = ("phone", "fields", "territory_field", "key", "last_contact")
_LONGEST: Final = 500
#: lines above a header
_MOST_SKIPPED: Final = 1000


_asked: Final[list[Reader]] = []


def ask(reader: Reader, *, first: bool = False) -> None:
    """Let this function of a framework, too, read rows and models; ``first``: before the others."""
    if reader not in _asked:
        _asked.insert(0 if first else len(_asked), reader)


def _read(
    people: Any, text: str, consent: str | None, reading: Mapping[str, Any]
) -> Iterable[RecipientInput]:
    """The recipients, as the framework reads them whose place this is."""
    for reader in _asked:
        if (found := reader(people, text, consent, reading)) is not None:
            return found
    if reading and people is not None:
        raise InvalidCampaign(
            f"{', '.join(reading)}: names of rows and models are read in Django and Flask"
        )
    return people  # type: ignore[no-any-return]


def source_of(value: str | Path) -> str:
    """The list as it is stored: a file by its whole path. Raises InvalidCampaign."""
    words = str(value)
    if not words or len(words) > _LONGEST or not words.isprintable():
        raise InvalidCampaign(
            "the list of a series is a file, or a name in the application: shop.sms:fridays"
        )
    if words == "-":
        raise InvalidCampaign("the list of a series is read again and again: name a file")
    return words if _is_name(words) else str(Path(words).absolute())


def reading_of(source: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """How the list is read, without what is not set. Raises InvalidCampaign for another name."""
    chosen = {name: value for name, value in values.items() if value not in (None, "", 0, False)}
    known = _OF_NAME if _is_name(source) else _OF_FILE
    if unknown := sorted({*chosen} - {*known}):
        kind = "a list of the application" if _is_name(source) else "a file"
        raise InvalidCampaign(f"{kind} is not read by {unknown[0]!r}: {', '.join(known)}")
    for name, value in chosen.items():
        kinds = {"skip_lines": int, "hidden": bool, "fields": Mapping}.get(name, str)
        skipped = value if kinds is int and isinstance(value, int) else 0
        if not isinstance(value, kinds) or not 0 <= skipped <= _MOST_SKIPPED:
            raise InvalidCampaign(f"{name} cannot be {value!r}")
    if isinstance(fields := chosen.get("fields"), Mapping):
        if not all(isinstance(one, str) for pair in fields.items() for one in pair):
            raise InvalidCampaign('fields is a dict of text: {"prenom": "first_name"}')
        chosen["fields"] = dict(fields)
    return chosen


def changed_reading(series: Series, source: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """How the list ``source`` of a changed series is read: what ``values`` do not name stays.

    A part that is None or empty is taken away. Nothing stays where the list is of the other kind
    and ``values`` say how that is read. Raises InvalidCampaign.
    """
    other_kind = bool(_is_name(source)) is not bool(_is_name(series.source))
    stays = {} if values and other_kind else series.reading
    return reading_of(source, {**stays, **values})


@contextmanager
def opened(
    source: str, reading: Mapping[str, Any], text: str, consent: str | None
) -> Iterator[Iterable[RecipientInput]]:
    """The recipients, as ``submit`` takes them. Raises InvalidFile, InvalidCampaign.

    Whatever the application raises becomes InvalidFile, without its message, which may quote
    somebody's number.
    """
    if not _is_name(source):
        keep = (*compile_template(text).fields, *columns_in(consent))
        try:
            file = open_recipients(source, keep=keep, **reading)
        except OSError as error:
            raise InvalidFile(f"cannot open {source}: {error.strerror}") from None
        except (ValueError, LookupError) as error:  # such as an encoding that is none
            raise InvalidFile(f"cannot read {source}: {type(error).__name__}") from None
        with file:
            yield file
        return
    with surroundings.enter():
        people = _called(source)
        with _named_only(source):
            # the first of a list of models is read at once
            people = _read(people, text, consent, reading)
        yield _Watched(people, source)


def _called(source: str) -> Any:
    found = named(source, "the list of the series")
    if not callable(found) or isinstance(found, Iterable):
        return found
    with _named_only(source):
        return found()


@contextmanager
def _named_only(source: str) -> Iterator[None]:
    """Let what the application raises become InvalidFile, which tells its kind alone.

    Its message may quote a number, so that no traceback shows it either.
    """
    try:
        yield
    except DispatcherError:
        raise
    except Exception as error:  # noqa: BLE001 - somebody else's code
        raise InvalidFile(f"{source} raised {type(error).__name__}") from None


class _Watched:
    """The application's recipients; what goes wrong while they are read is told as ours."""

    def __init__(self, people: Iterable[RecipientInput], source: str) -> None:
        self._people, self._source = people, source
        if not isinstance(people, Iterable) or isinstance(people, str | bytes | Mapping):
            kind = type(people).__name__
            raise InvalidFile(f"{source} is a list of recipients, or returns one, not {kind}")

    def __iter__(self) -> Iterator[RecipientInput]:
        with _named_only(self._source):
            yield from self._people

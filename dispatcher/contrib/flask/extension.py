"""The extension: an app's settings, its dispatcher and its commands."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Protocol, Unpack

from flask import Flask, current_app

from dispatcher.api import Dispatcher as Library
from dispatcher.api.actor import ask
from dispatcher.campaigns.batch import PlannedBatch
from dispatcher.campaigns.plan import Plan
from dispatcher.campaigns.submission import Options, RecipientInput, Submitted
from dispatcher.cli import commands_of
from dispatcher.contrib.flask import problems, signed_in
from dispatcher.contrib.flask.library import install, library_of
from dispatcher.recipients import Rejection
from dispatcher.settings.environment import load


class Row(Protocol):
    """A row of a SQLAlchemy query."""

    @property
    def _mapping(self) -> Mapping[Any, Any]: ...


# at run time it delegates to the current app's dispatcher; for type checkers it is one
if TYPE_CHECKING:
    _Base = Library
else:
    _Base = object


class Dispatcher(_Base):
    """The dispatcher of the current app, with every method of ``dispatcher.Dispatcher``.

    ``Dispatcher(app)``, or ``init_app`` in an app factory; one extension serves many apps. An
    app's settings are its ``DISPATCHER_*`` values in ``app.config``, text or typed, and the
    environment's where it has none; they are read once. ``app.extensions["dispatcher"]`` is the
    library's own object. Nothing connects before it is used.

    In a request, ``by`` of every call is by default who is signed in: what ``actor()`` returns,
    else Flask-Login's current user, else who gave the password of the pages.

    Under pytest or unittest, and with ``TESTING``, nothing leaves, and campaigns go to a temporary
    database (see ``dispatcher.contrib.flask.testing``); ``testing=False`` uses what is configured
    even there.
    """

    def __init__(
        self,
        app: Flask | None = None,
        *,
        actor: Callable[[], str | None] | None = None,
        testing: bool | None = None,
    ) -> None:
        self._actor, self._testing = actor, testing
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask) -> None:
        """Give an app its dispatcher. Raises ConfigurationError naming the setting at fault.

        The app also gets ``flask dispatcher …``, and an answer in one sentence to every
        DispatcherError that a view lets through, unless it has one of its own.
        """
        install(app, load(app.config), testing=self._testing)
        if self._actor is not None:
            app.extensions[signed_in.ACTOR] = self._actor
        ask(signed_in.user_name)
        app.cli.add_command(commands_of(lambda: library_of(app).settings, lambda: library_of(app)))
        problems.answer_in(app)

    def submit(
        self,
        reference: str,
        text: str,
        recipients: Iterable[RecipientInput | Row],
        *,
        reject: Callable[[Rejection], None] | None = None,
        **options: Unpack[Options],
    ) -> Submitted:
        """``dispatcher.Dispatcher.submit``; ``recipients`` may be rows of a SQLAlchemy query."""
        library = library_of(current_app)
        return library.submit(reference, text, _inputs(recipients), reject=reject, **options)

    def plan(
        self,
        text: str,
        recipients: Iterable[RecipientInput | Row],
        *,
        reject: Callable[[Rejection], None] | None = None,
        each: Callable[[PlannedBatch, set[str]], None] | None = None,
        **options: Unpack[Options],
    ) -> Plan:
        """``dispatcher.Dispatcher.plan``; ``recipients`` may be rows of a SQLAlchemy query."""
        library = library_of(current_app)
        return library.plan(text, _inputs(recipients), reject=reject, each=each, **options)

    if not TYPE_CHECKING:  # or no misspelt name would be an error

        def __getattr__(self, name: str) -> Any:
            if name.startswith("_"):
                raise AttributeError(name)
            return getattr(library_of(current_app), name)


def _inputs(recipients: Iterable[RecipientInput | Row]) -> Iterator[RecipientInput]:
    for one in recipients:
        row: Any = one
        yield getattr(row, "_mapping", row)

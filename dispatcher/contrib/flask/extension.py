"""The extension: an app's settings, its dispatcher and its commands."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Unpack

from flask import Flask, current_app, has_app_context

from dispatcher.api import Dispatcher as Library
from dispatcher.api import series_lists
from dispatcher.api.actor import ask
from dispatcher.campaigns.batch import PlannedBatch
from dispatcher.campaigns.plan import Plan
from dispatcher.campaigns.submission import Options, Submitted
from dispatcher.cli import commands_of
from dispatcher.contrib.flask import problems, signed_in
from dispatcher.contrib.flask.auth import is_served
from dispatcher.contrib.flask.findings import check_names, findings
from dispatcher.contrib.flask.library import install, library_of
from dispatcher.contrib.flask.queries import Executes, People, streamed
from dispatcher.contrib.people import Asked, asked_of
from dispatcher.recipients import Rejection
from dispatcher.settings import origin
from dispatcher.settings.environment import load

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
        check_names(app)
        settings = load(app.config)
        install(app, settings, testing=self._testing)
        if is_served():
            for sentence in findings(app, settings):
                app.logger.warning(sentence)
        if self._actor is not None:
            app.extensions[signed_in.ACTOR] = self._actor
        ask(signed_in.user_name)
        series_lists.ask(_read, first=True)
        origin.ask(signed_in.origin)
        app.cli.add_command(commands_of(lambda: library_of(app).settings, lambda: library_of(app)))
        problems.answer_in(app)

    def submit(
        self,
        reference: str,
        text: str,
        recipients: People,
        *,
        reject: Callable[[Rejection], None] | None = None,
        phone: str | None = None,
        fields: Mapping[str, str] | None = None,
        territory_field: str | None = None,
        key: str | None = None,
        last_contact: str | None = None,
        session: Executes | None = None,
        **options: Unpack[Options],
    ) -> Submitted:
        """Store a campaign and return its id; see ``dispatcher.Dispatcher.submit``.

        ``recipients`` may be a ``select(Model)`` or of columns, which is streamed by ``session``,
        by default that of Flask-SQLAlchemy; a query; a result; or models. ``phone`` is the name of
        their attribute of numbers ("profile.mobile"; the one that is called so when there is only
        one), ``fields`` maps names in the text to attributes ({"prenom": "first_name"}; the same
        names by default), ``territory_field`` names what overrides the territory, ``key``
        what you know the person by ("id"), which is given back with results, ``last_contact`` the
        date of the last contact.
        """
        names = phone, fields, territory_field, key, options.get("consent"), last_contact
        people = streamed(recipients, Asked(text, *names), session)
        return library_of(current_app).submit(reference, text, people, reject=reject, **options)

    def plan(
        self,
        text: str,
        recipients: People,
        *,
        reject: Callable[[Rejection], None] | None = None,
        each: Callable[[PlannedBatch, set[str]], None] | None = None,
        phone: str | None = None,
        fields: Mapping[str, str] | None = None,
        territory_field: str | None = None,
        key: str | None = None,
        last_contact: str | None = None,
        session: Executes | None = None,
        **options: Unpack[Options],
    ) -> Plan:
        """What ``submit`` with the same arguments would do: nothing is written."""
        names = phone, fields, territory_field, key, options.get("consent"), last_contact
        people = streamed(recipients, Asked(text, *names), session)
        return library_of(current_app).plan(text, people, reject=reject, each=each, **options)

    if not TYPE_CHECKING:  # or no misspelt name would be an error

        def __getattr__(self, name: str) -> Any:
            if name.startswith("_"):
                raise AttributeError(name)
            return getattr(library_of(current_app), name)


def _read(people: Any, text: str, consent: str | None, reading: Mapping[str, Any]) -> Any:
    """The list of a series, which may be a query; None outside of an app's context."""
    if not has_app_context():  # Django may be in this process, too
        return None
    return streamed(people, asked_of(text, consent, reading))

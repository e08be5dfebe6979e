"""The library's dispatcher of a Flask app, and its stand-in under a test runner."""

from __future__ import annotations

import threading
from typing import Final, cast

from flask import Flask
from werkzeug.local import LocalProxy

from dispatcher.api import Dispatcher as Library
from dispatcher.contrib.test_runners import under_test_runner
from dispatcher.contrib.testing import Trial
from dispatcher.settings import Settings

#: of ``app.extensions``: the dispatcher, and what decides which one it is
_NAME: Final = "dispatcher"
_OF_APP: Final = "dispatcher.library"


class OfApp:
    """The dispatcher of one app: as it is set up, or for tests one from which nothing leaves.

    ``testing`` True or False decides it; None: with ``TESTING``, and under a test runner.
    """

    def __init__(self, app: Flask, settings: Settings, *, testing: bool | None) -> None:
        self._app = app
        self._testing = testing
        self._settings = settings
        self._library = Library(settings)
        self._trial: Trial | None = None
        self._lock = threading.Lock()
        if app.testing and self.testing and not under_test_runner():
            app.logger.warning(
                "TESTING is on: campaigns go to a temporary database, and nothing is sent"
            )

    @property
    def testing(self) -> bool:
        """Whether nothing may leave; an app is often told of its tests after it was made."""
        if self._testing is not None:
            return self._testing
        return self._app.testing or under_test_runner()

    def __call__(self) -> Library:
        """The dispatcher to use now."""
        if not self.testing:
            return self._library
        with self._lock:
            if self._trial is None:
                self._trial = Trial(self._settings)
            return self._trial

    def empty(self) -> None:
        """Forget what tests have stored."""
        with self._lock:
            if self._trial is not None:
                self._trial.remove()
            self._trial = None


def install(app: Flask, settings: Settings, *, testing: bool | None) -> None:
    """Give an app its dispatcher, as ``app.extensions["dispatcher"]``."""
    app.extensions[_OF_APP] = either = OfApp(app, settings, testing=testing)
    app.extensions[_NAME] = LocalProxy(either)


def library_of(app: Flask) -> Library:
    """The dispatcher of an app. Raises RuntimeError before ``init_app``."""
    return of_app(app)()


def of_app(app: Flask) -> OfApp:
    """What decides which dispatcher an app has. Raises RuntimeError before ``init_app``."""
    found = app.extensions.get(_OF_APP)
    if found is None:
        raise RuntimeError("this app has no dispatcher yet: call Dispatcher.init_app(app) first")
    return cast("OfApp", found)

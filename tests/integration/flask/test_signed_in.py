"""Who acts in a request of the app is on record by the name of who is signed in."""

from __future__ import annotations

import pytest
from flask import Flask, request

from tests.integration.bench import TEXT, people
from tests.integration.flask.webapp import TOKEN, MakeApp, library, make_app, reader

__all__ = ["make_app"]


@pytest.fixture
def app(make_app: MakeApp, sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> Flask:
    """The app with a view that launches; the user of the system claims to be somebody."""
    monkeypatch.setenv("LOGNAME", "mallory")
    return launching(make_app(sqlite_url))


def launching(app: Flask) -> Flask:
    @app.post("/launch")
    def launch() -> str:
        library(app).submit("soldes", TEXT, people(1), by=request.args.get("by"))
        return "done"

    return app


def who(app: Flask) -> str:
    return library(app).actions("soldes")[0].actor


@pytest.mark.parametrize(("person", "recorded"), [("zoe", "zoe"), (None, "nobody signed in")])
def test_person_that_the_app_names_is_on_record(
    make_app: MakeApp, sqlite_url: str, person: str | None, recorded: str
) -> None:
    app = launching(make_app(sqlite_url, actor=lambda: person))
    assert app.test_client().post("/launch").status_code == 200

    assert who(app) == recorded


def test_name_that_came_with_the_password_is_on_record(app: Flask) -> None:
    assert reader(app).post("/launch").status_code == 200

    assert who(app) == "ops"


@pytest.mark.parametrize("password", ["wrong", ""])
def test_name_without_the_password_is_not_on_record(app: Flask, password: str) -> None:
    assert app.test_client().post("/launch", auth=("boss", password)).status_code == 200

    assert who(app) == "nobody signed in"


def test_name_that_a_view_gives_is_on_record_beside_who_is_signed_in(app: Flask) -> None:
    assert app.test_client().post("/launch?by=luc", auth=("ops", TOKEN)).status_code == 200

    assert who(app) == "luc (signed in: ops)"


def test_user_of_the_system_is_on_record_for_a_command(app: Flask) -> None:
    with app.app_context():
        library(app).submit("soldes", TEXT, people(1))

    assert who(app) == "mallory"

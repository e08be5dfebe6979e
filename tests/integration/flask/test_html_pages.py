from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest
from flask import Flask, Response, redirect
from flask.testing import FlaskClient
from werkzeug.datastructures import Authorization

from dispatcher import ConfigurationError
from dispatcher.api import Dispatcher as Library
from dispatcher.contrib.flask import Dispatcher, pages
from tests.fakes import FakeGateway
from tests.integration.bench import TEXT, people
from tests.integration.flask.test_json_api import NOWHERE
from tests.integration.flask.webapp import TOKEN, MakeApp, library, make_app, reader
from tests.statements import add_doubts, counted

__all__ = ["make_app"]
PAGES = ("/sms/", "/sms/campaigns/1", "/sms/doubts")


@pytest.fixture
def app(make_app: MakeApp, database_url: str) -> Flask:
    return make_app(database_url)


@pytest.fixture
def lone_app(make_app: MakeApp, prepared_sqlite_url: str) -> Flask:
    """The same where the kind of database does not matter."""
    return make_app(prepared_sqlite_url)


class _Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.told: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        if tag not in {"meta", "link", "input"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.told.append(data)


def words(page: str) -> str:
    """What a person reads of a page whose tags are all closed in order."""
    parser = _Words()
    parser.feed(page)
    assert parser.open == []
    return " ".join(" ".join(parser.told).split())


def read(client: FlaskClient, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    return words(answer.text)


# -- showing


def test_campaign_page_shows_states_and_why_it_waits(app: Flask) -> None:
    library(app).submit("soldes", TEXT, people(1200), not_before=tomorrow(app))
    result = read(reader(app), "/sms/campaigns/1")
    assert "soldes running" in result
    assert "Waits until Wednesday 10:00: scheduled." in result
    assert "0 % of 1,200 messages have ended." in result
    assert "pending 1,200" in result
    assert "recipients 1,200" in result
    assert "1 Metropolitan France pending 500 0 until Wednesday 10:00: scheduled" in result
    assert "3 Metropolitan France pending 200 0" in result
    listed = read(reader(app), "/sms/")
    assert (
        "soldes running 1,200 pending 1,200 1,200 0 0.00 € waits until Wednesday 10:00: scheduled"
        in listed
    )


def tomorrow(app: Flask) -> Any:
    return library(app).clock().replace(hour=9, minute=0, second=0, microsecond=0).replace(day=25)


def test_campaign_page_shows_actions_with_actor_and_reason(app: Flask) -> None:
    library(app).submit("soldes", TEXT, people(1), by="alice")
    library(app).pause("soldes", reason="the shop is closed", by="bob")
    result = read(reader(app), "/sms/campaigns/1")
    assert "bob pause the shop is closed" in result
    assert "alice submit" in result
    assert "Paused: the shop is closed." in result


def test_campaign_page_shows_its_sender(app: Flask) -> None:
    library(app).submit("number", TEXT, people(1), from_number="+33639988888")
    library(app).submit("survey", "", people(1), survey="a1b2")
    assert "Long number +33639988888" in read(reader(app), "/sms/campaigns/1")
    result = read(reader(app), "/sms/campaigns/2")
    assert "Survey a1b2" in result
    assert "Sender" not in result


def test_pages_of_fifty_take_as_many_statements_as_those_of_three(
    lone_app: Flask,
) -> None:
    gateway = FakeGateway()
    values = {"credit_check": "off", "doubt_limit": 99}
    settings = library(lone_app).settings.model_copy(update=values)
    lone_app.extensions["dispatcher"] = Library(settings, gateway=gateway)
    client, counts = reader(lone_app), []
    for first, last in ((0, 3), (3, 50)):
        add_doubts(library(lone_app), gateway, first, last)
        library(lone_app).tick()  # else the page asks why nothing ticks
        client.get("/sms/")  # the first request looks at the schema
        for path in ("/sms/", "/sms/doubts"):
            with counted() as found:
                assert client.get(path).text.count("doubt ") >= last
            counts.append(len(found))
    assert counts[:2] == counts[2:]
    library(lone_app).database.close()


def test_doubt_is_shown_until_it_ends(app: Flask) -> None:
    gateway = FakeGateway()
    settings = library(app).settings.model_copy(update={"credit_check": "off"})
    app.extensions["dispatcher"] = Library(settings, gateway=gateway)
    gateway.behave = gateway.swallow
    library(app).submit("soldes", TEXT, people(3))
    [batch] = library(app).batches("soldes")
    library(app).steps.send_batch(batch.id)
    result = read(reader(app), "/sms/doubts")
    [doubt] = library(app).doubts()
    assert doubt.tag
    assert re.search(
        rf"Why 1 soldes 1 3 Tuesday \d\d:\d\d 0 Tuesday \d\d:\d\d {doubt.tag} the connection",
        result,
    )
    shown = reader(app).get("/sms/campaigns/1").text
    assert "1 batch" in words(shown)
    assert 'class="in_doubt"' in shown
    library(app).give_up(batch.id, reason="asked by phone")
    assert "Nothing is in doubt." in read(reader(app), "/sms/doubts")
    library(app).database.close()


@pytest.mark.parametrize("gap", ["/", ".", "-", "_", "\u2212"], ids=ascii)
def test_number_in_any_spelling_is_masked_on_every_page(lone_app: Flask, gap: str) -> None:
    number = gap.join(("06", "39", "98", "00", "00"))
    library(lone_app).submit(f"for {number}", TEXT, people(1))
    library(lone_app).pause(1, reason=f"{number} complained", by=f"for {number}")
    for path in PAGES:
        page = reader(lone_app).get(path).text
        assert "639980" not in re.sub(r"\W", "", page)


def test_pages_show_no_number_and_no_text(lone_app: Flask) -> None:
    number = people(1)[0]
    library(lone_app).submit(f"for {number}", TEXT, [{"mobile": number, "prenom": "Zoé"}])
    library(lone_app).pause(1, reason="06 39 98 00 00 complained")
    for path in PAGES:
        page = reader(lone_app).get(path).text
        assert "63998" not in re.sub(r"\W", "", page)
        assert TEXT not in page
        assert "Zoé" not in page
    assert "for +336••••••00" in read(reader(lone_app), "/sms/")


def test_typed_text_is_escaped(lone_app: Flask) -> None:
    evil = "<script>alert(1)</script>"
    library(lone_app).submit(evil, TEXT, people(1), by=evil)
    library(lone_app).pause(1, reason=evil)
    for path in PAGES:
        page = reader(lone_app).get(path).text
        assert "<script" not in page
        assert evil in words(page) or path == "/sms/doubts"


def test_long_list_is_cut_in_pages(lone_app: Flask) -> None:
    assert "No campaign yet." in read(reader(lone_app), "/sms/")
    for number in range(51):
        library(lone_app).submit(f"soldes-{number}", TEXT, people(1), not_before=tomorrow(lone_app))
    first = read(reader(lone_app), "/sms/")
    assert "soldes-50" in first
    assert "soldes-0 " not in first
    assert "1–50 of 51 next →" in first
    last = read(reader(lone_app), "/sms/?offset=50")
    assert "soldes-0 " in last
    assert "← previous 51–51 of 51" in last
    for offset in ("-1", "x", "1" * 10):
        assert reader(lone_app).get(f"/sms/?offset={offset}").status_code == 404


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("state=&since=&reference_prefix=", {"soldes-1", "soldes-2", "autre"}),
        ("state=paused&since=2026-01-01", {"soldes-2"}),
        ("state=paused&state=running&reference_prefix=soldes", {"soldes-1", "soldes-2"}),
        ("since=2999-01-01", set()),
    ],
)
def test_list_shows_what_the_filters_select(lone_app: Flask, query: str, shown: set[str]) -> None:
    for reference in ("soldes-1", "soldes-2", "autre"):
        library(lone_app).submit(reference, TEXT, people(1))
    library(lone_app).pause("soldes-2")

    page = reader(lone_app).get(f"/sms/?{query}").text

    assert {one for one in ("soldes-1", "soldes-2", "autre") if f">{one}</a>" in page} == shown
    assert 'name="reference_prefix"' in page


def test_tags_are_shown_and_filtered_by(lone_app: Flask) -> None:
    library(lone_app).submit("soldes", TEXT, people(1), tags=["lyon", "sale"])
    library(lone_app).submit("autre", TEXT, people(1))

    page = reader(lone_app).get("/sms/?tag=SALE").text

    assert (">soldes</a>" in page, ">autre</a>" in page) == (True, False)
    assert "lyon, sale" in page
    assert "<dt>Tags</dt><dd>lyon, sale</dd>" in reader(lone_app).get("/sms/campaigns/1").text


def test_filters_stay_on_the_pages_that_follow(lone_app: Flask) -> None:
    for number in range(51):
        library(lone_app).submit(f"soldes-{number}", TEXT, people(1))
    page = reader(lone_app).get("/sms/?state=running&reference_prefix=soldes%26").text
    assert "No campaign is like that" in page
    page = reader(lone_app).get("/sms/?state=running&reference_prefix=soldes").text
    assert 'href="?offset=50&amp;state=running&amp;reference_prefix=soldes"' in page


def test_filter_that_cannot_be_used_is_named(lone_app: Flask) -> None:
    answer = reader(lone_app).get("/sms/?since=yesterday")
    assert answer.status_code == 422
    assert "Since &#39;yesterday&#39; is no day" in answer.text


def test_page_reloads_itself_unless_the_reader_turns_it_off(lone_app: Flask) -> None:
    library(lone_app).submit("soldes", TEXT, people(1))
    client, refresh = reader(lone_app), '<meta http-equiv="refresh"'
    assert refresh in client.get("/sms/campaigns/1").text
    still = client.get("/sms/campaigns/1?refresh=off").text
    assert refresh not in still
    assert "Reload every few seconds" in still
    library(lone_app).cancel("soldes")
    ended = client.get("/sms/campaigns/1").text
    assert refresh not in ended
    assert "eload" not in words(ended)


def test_pages_load_nothing_but_their_own_style(lone_app: Flask) -> None:
    library(lone_app).submit("soldes", TEXT, people(1))
    for path in PAGES:
        answer = reader(lone_app).get(path)
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["Cache-Control"] == "no-store"
        assert "style=" not in answer.text
        assert "<script" not in answer.text
        sources = re.findall(r'(?:src|href)="([^"#?]+)"', answer.text)
        assert [source for source in sources if not source.startswith(("/sms/", "data:,"))] == []
    with reader(lone_app).get("/sms/assets/dispatcher.css") as style:
        assert style.content_type.startswith("text/css")


# -- refusing


@pytest.mark.parametrize("path", [*PAGES, "/sms/assets/dispatcher.css"])
def test_page_without_the_password_is_refused(lone_app: Flask, path: str) -> None:
    for authorization in (
        None,
        f"Bearer {TOKEN}",
        Authorization("basic", {"username": TOKEN, "password": ""}).to_header(),
        Authorization("basic", {"username": "ops", "password": TOKEN[:-1]}).to_header(),
        "Basic !",
    ):
        headers = {"Authorization": authorization} if authorization else {}
        answer = lone_app.test_client().get(path, headers=headers)
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"].startswith("Basic realm=")
        assert TOKEN not in answer.text


def test_pages_without_a_password_are_not_registered(sqlite_url: str) -> None:
    app = Flask("shop")
    app.config["DISPATCHER_DATABASE_URL"] = sqlite_url
    Dispatcher(app, testing=False)
    with pytest.raises(ConfigurationError, match="DISPATCHER_WEB_TOKEN is not set"):
        app.register_blueprint(pages())


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (True, 200),
        (False, 403),
        (None, 403),
        ("", 403),
        (Response("log in", 401), 401),
        (("log in", 402), 402),
    ],
)
def test_app_with_its_own_users_decides_who_may_read(
    lone_app: Flask, answer: Any, status: int
) -> None:
    blueprint = pages(authorize=lambda: answer)
    lone_app.register_blueprint(blueprint, url_prefix="/ours", name="ours")
    assert lone_app.test_client().get("/ours/").status_code == status


def test_pages_link_to_the_console_that_they_are_told_of(lone_app: Flask) -> None:
    blueprint = pages(authorize=lambda: True, console="https://sms.example.org/")
    lone_app.register_blueprint(blueprint, url_prefix="/ours", name="ours")
    page = lone_app.test_client().get("/ours/").text
    assert '<a href="https://sms.example.org/">Console</a>' in page


def test_app_may_redirect_to_its_login(lone_app: Flask) -> None:
    blueprint = pages(authorize=lambda: redirect("/login"))
    lone_app.register_blueprint(blueprint, url_prefix="/ours", name="ours")
    answer = lone_app.test_client().get("/ours/")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/login")


def test_pages_refuse_other_methods(lone_app: Flask) -> None:
    library(lone_app).submit("soldes", TEXT, people(1))
    before = library(lone_app).progress("soldes"), library(lone_app).actions("soldes")
    for path in PAGES:
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            assert reader(lone_app).open(path, method=method).status_code == 405
        reader(lone_app).get(path)
    assert (library(lone_app).progress("soldes"), library(lone_app).actions("soldes")) == before


@pytest.mark.parametrize("name", ["9", "x", "9" * 19, "9" * 5000])
def test_unknown_campaign_is_answered_as_a_page(lone_app: Flask, name: str) -> None:
    answer = reader(lone_app).get(f"/sms/campaigns/{name}")
    assert answer.status_code == 404
    assert re.search(r"404 Not Found No (such )?campaign", words(answer.text))


def test_unreachable_database_is_answered_as_a_page(
    make_app: MakeApp, caplog: pytest.LogCaptureFixture
) -> None:
    app = make_app(NOWHERE)
    for path in PAGES:
        answer = reader(app).get(path)
        assert answer.status_code == 503
        assert "503 Service Unavailable The database is out of reach" in words(answer.text)
    assert "hunter2" not in caplog.text

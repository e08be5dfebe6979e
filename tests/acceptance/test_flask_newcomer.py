"""A newcomer's hour in Flask: an app with the usual extensions, a form, a phone, a test, a worker.

Everything is a process of its own, as in a terminal; only the gateway is a fake.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

from playwright.sync_api import expect

from tests.acceptance.browser import OpenPage, chromium, open_page, width_of
from tests.acceptance.installation import ROOT, Installation
from tests.acceptance.test_flask_shop import address_of
from tests.integration.flask.webapp import TOKEN
from tests.waiting import PATIENCE

__all__ = ["chromium", "open_page"]
SECRET = "q8Zr4-Tn0_Vb6Hs2Lk"
APP = """
from pathlib import Path

from flask import Flask, redirect, render_template_string, request, url_for
from flask_login import LoginManager, UserMixin, current_user, login_required, login_user
from flask_sqlalchemy import SQLAlchemy
from flask_wtf import CSRFProtect

from dispatcher.contrib.flask import Dispatcher, api, pages, webhooks
from dispatcher.contrib.flask.signals import campaign_finished

HERE = Path(__file__).parent
app = Flask(__name__)
app.config["SECRET_KEY"] = "of this test"
app.config["SQLALCHEMY_DATABASE_URI"] = f"sqlite:///{HERE / 'shop.db'}"
db = SQLAlchemy(app)
CSRFProtect(app)
login = LoginManager(app)
dispatcher = Dispatcher(app)
may_look = lambda: current_user.is_authenticated
app.register_blueprint(pages(authorize=may_look), url_prefix="/sms")
app.register_blueprint(api(), url_prefix="/sms/api")
app.register_blueprint(webhooks(), url_prefix="/sms-in")


class User(UserMixin):
    def __init__(self, name):
        self.id = name


login.user_loader(User)


class Customer(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    mobile = db.Column(db.String(30))
    first_name = db.Column(db.String(60))


FORM = '''<form method="post"><input type="hidden" name="csrf_token" value="{{ csrf_token() }}">
<button>Send</button></form>'''


@app.get("/login/<name>")
def sign_in(name):
    login_user(User(name))
    return redirect("/")


@app.route("/", methods=["GET", "POST"])
@login_required
def launch():
    if request.method == "GET":
        return render_template_string(FORM)
    people = db.select(Customer)
    fields = {"prenom": "first_name"}
    campaign = dispatcher.submit("soldes", "Bonjour {{ prenom }} !", people, fields=fields)
    return redirect(url_for("dispatcher.campaign", campaign=campaign))


@campaign_finished.connect
def thank(app, event, **_):
    (HERE / "thanks.txt").write_text(f"{event.campaign} {event.counts['delivered']}")


with app.app_context():
    db.create_all()
    if not db.session.get(Customer, 1):
        for number in (1, 2):
            db.session.add(Customer(mobile=f"06 39 98 00 0{number}", first_name=f"Zoé{number}"))
        db.session.commit()
"""
TEST = """
from newcomer import app
from dispatcher.contrib.flask.testing import assert_submitted, texts

def test_launch():
    app.config["WTF_CSRF_ENABLED"] = False
    client = app.test_client()
    client.get("/login/zoe")
    assert client.post("/").status_code == 302
    with app.app_context():
        assert_submitted("soldes", recipients=2)
        assert texts("soldes")["+33639980001"] == "Bonjour Zoé1 !"
"""


def posted(address: str, body: dict[str, Any], **headers: str) -> int:
    data = json.dumps(body).encode()
    call = urllib.request.Request(
        address, data, {"Content-Type": "application/json", **headers}, method="POST"
    )
    with urllib.request.urlopen(call, timeout=PATIENCE) as answer:
        return int(answer.status)


def test_hour_of_a_newcomer_meets_no_traceback_and_no_silence(
    tmp_path: Path, open_page: OpenPage
) -> None:
    app = tmp_path / "newcomer.py"
    app.write_text(APP, encoding="utf-8")
    (tmp_path / "test_newcomer.py").write_text(TEST, encoding="utf-8")
    settings: dict[str, Any] = {
        "web_token": TOKEN,
        "webhook_secret": SECRET,
        "receivers": "dispatcher.contrib.flask.receivers",
    }
    with Installation(tmp_path, f"sqlite:///{tmp_path / 'sms.db'}", **settings) as site:
        # a test first, with the settings of production
        path = os.pathsep.join([str(ROOT), str(tmp_path)])
        tested = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_newcomer.py"],
            env=site.environment | {"PYTHONPATH": path},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        assert "1 passed" in tested.stdout, tested.stdout + tested.stderr
        assert site.dispatcher.campaigns() == []
        assert site.queued() == 0

        # then a click, on a phone
        flask = ("flask", "--app", str(app))
        server = site.start("server", *flask, "run", "--port", "0")
        address = address_of(site, server)
        said: list[str] = []
        page = open_page(viewport={"width": 390, "height": 800})
        page.on("console", lambda message: said.append(message.text))
        page.goto(f"{address}/login/zoe")
        page.get_by_role("button", name="Send").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("soldes running")

        # what sends, and the receivers of the app
        run = site.start("run", *flask, "dispatcher", "run", "--workers", "1", FLASK_APP=str(app))
        assert site.wait_finished("soldes").messages["delivered"] == 2
        thanks = tmp_path / "thanks.txt"  # there before it is written
        site.wait(lambda: thanks.exists() and thanks.read_text(), "the receiver to be called")
        assert thanks.read_text() == "soldes 2"
        expect(page.get_by_role("heading", level=1)).to_have_text("soldes finished")
        assert {one.actor for one in site.dispatcher.actions("soldes")} >= {"zoe"}

        # a program beside CSRFProtect, and the gateway's webhook
        body = {
            "reference": "later",
            "text": "Soldes dimanche !",
            "recipients": ["06 39 98 00 03"],
            "not_before": "2098-01-13T10:00:00+01:00",
        }
        bearer = {"Authorization": f"Bearer {TOKEN}"}
        assert posted(f"{address}/sms/api/campaigns", body, **bearer) == 201
        stop = {"type": "stop", "phone_number": "+33639980003", "text": "STOP", "message_id": 1}
        assert posted(f"{address}/sms-in/{SECRET}/reply", stop) == 200
        assert "+33639980003" in site.dispatcher.opt_outs

        # why it waits comes first, and nothing is wider than the phone
        for path in ("/sms/", "/sms/campaigns/2", "/sms/doubts"):
            page.goto(f"{address}{path}?refresh=off")
            assert width_of(page) == 390
        page.goto(f"{address}/sms/?refresh=off")
        row = page.get_by_role("link", name="later").locator("xpath=ancestor::tr")
        why = row.get_by_text("2098").bounding_box()
        count = row.locator("[data-label=Recipients]").bounding_box()
        assert why is not None
        assert count is not None
        assert why["y"] < count["y"]
        assert said == []

        # an address that is none leads back
        page.goto(f"{address}/sms/nothing")
        page.get_by_role("link", name="All campaigns").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Campaigns")

        assert run.stop() == 0
        for child in (server, run):
            assert "Traceback" not in child.log.read_text()
        assert site.gateway.key not in run.log.read_text()
        site.check("soldes")

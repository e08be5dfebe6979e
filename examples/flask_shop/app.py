import hmac
import os

from flask import Flask, redirect, render_template, request, url_for

from dispatcher.contrib.flask import Dispatcher, pages, refuse_foreign_origin

#: names and passwords: SHOP_USERS="zoe:her-password luc:his-password"
users = dict(one.split(":", 1) for one in os.environ.get("SHOP_USERS", "").split())


def user():
    """Who is signed in; None for a stranger."""
    given = request.authorization
    if given and given.type == "basic" and given.username in users:
        password = (given.password or "").encode()
        if hmac.compare_digest(password, users[given.username].encode()):
            return given.username
    return None


app = Flask(__name__)
# DISPATCHER_* settings of app.config, or of the environment; user() says who is signed in
dispatcher = Dispatcher(app, actor=user)
app.register_blueprint(pages(authorize=lambda: user() is not None), url_prefix="/sms")
app.before_request(refuse_foreign_origin)  # a form of another site launches nothing


@app.before_request
def require_login():
    # programs do not sign in: a token lets them in, or the secret of the webhooks
    if request.blueprint not in ("dispatcher_api", "dispatcher_webhooks") and user() is None:
        return "Sign in.", 401, {"WWW-Authenticate": 'Basic realm="shop"'}
    return None


customers = [
    {"mobile": "06 39 98 00 01", "prenom": "Zoé"},
    {"mobile": "06 39 98 00 02", "prenom": "Luc"},
]


@app.get("/")
def form():
    return render_template("form.html", customers=customers)


@app.post("/campaigns")
def launch():
    campaign = dispatcher.submit(request.form["reference"], request.form["text"], customers)
    return redirect(url_for("dispatcher.campaign", campaign=campaign))

from flask import Flask, redirect, render_template, request, url_for

from dispatcher.contrib.flask import Dispatcher, pages, refuse_foreign_origin

app = Flask(__name__)
dispatcher = Dispatcher(app)  # DISPATCHER_* settings of app.config, or of the environment
app.register_blueprint(pages(), url_prefix="/sms")  # the password is DISPATCHER_WEB_TOKEN
app.before_request(refuse_foreign_origin)  # a form of another site launches nothing

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

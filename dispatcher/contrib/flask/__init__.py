"""The dispatcher in a Flask app: an extension, commands, pages, a JSON API and webhooks.

dispatcher = Dispatcher(app)                      # or init_app(app); DISPATCHER_* settings
app.register_blueprint(pages(), url_prefix="/sms")
app.register_blueprint(api(), url_prefix="/sms/api")
app.register_blueprint(webhooks(), url_prefix="/sms-in")
app.before_request(refuse_foreign_origin)         # for forms of your own
"""

from dispatcher.contrib.flask.auth import refuse_foreign_origin
from dispatcher.contrib.flask.extension import Dispatcher
from dispatcher.contrib.flask.html_pages import pages
from dispatcher.contrib.flask.json_api import api
from dispatcher.contrib.flask.webhooks import webhooks

__all__ = ["Dispatcher", "api", "pages", "refuse_foreign_origin", "webhooks"]

"""The pages: campaigns, one campaign, doubts. They show, and change nothing."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any, cast
from urllib.parse import urlencode

from flask import Blueprint, Flask, Response, current_app, render_template, request
from flask.blueprints import BlueprintSetupState
from werkzeug.exceptions import Forbidden, NotFound

from dispatcher.api import Dispatcher
from dispatcher.campaigns.bar import percent_ended, pieces
from dispatcher.campaigns.progress import Progress
from dispatcher.campaigns.records import BatchRecord
from dispatcher.campaigns.selection import filled, which_of
from dispatcher.campaigns.states import CampaignState
from dispatcher.campaigns.wording import counted, euros, moment, standing
from dispatcher.contrib.flask import auth as guards
from dispatcher.contrib.flask.library import library_of
from dispatcher.contrib.flask.problems import answer_as, id_of
from dispatcher.masking import masked
from dispatcher.window.territories import TERRITORIES

#: seconds after which an open page reloads itself
_REFRESH = 5
_CAMPAIGNS, _BATCHES = 50, 100
_BAR = 1000
#: only our own style sheet is loaded, and no other site may frame a page
_HEADERS = guards.CLOSED | {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src data:;"
    " frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
    "Referrer-Policy": "same-origin",
}


def pages(*, authorize: Callable[[], Any] | None = None, console: str = "") -> Blueprint:
    """Read-only pages, to be registered on an app: ``register_blueprint(pages(), url_prefix=…)``.

    A browser asks for a password, which is the value of the setting ``web_token``; registering
    raises ConfigurationError without one. An app with users of its own gives ``authorize``
    instead, which is called before every page: true lets in, a response (a redirect to the
    login) is answered as it is, anything else refuses. ``console`` is the address of the console,
    which every page then links to.
    """
    blueprint = Blueprint(
        "dispatcher",
        __name__,
        template_folder="templates",
        static_folder="static",
        static_url_path="/assets",
    )

    def check(state: BlueprintSetupState) -> None:
        if authorize is None:
            guards.check_token(
                cast("Flask", state.app), "the password of the pages, unless they have authorize="
            )

    blueprint.record(check)
    blueprint.before_request(guards.require_password if authorize is None else _asking(authorize))
    blueprint.after_request(partial(guards.close, headers=_HEADERS))
    blueprint.context_processor(_words)
    blueprint.context_processor(lambda: {"console": console})
    blueprint.add_url_rule("/", "campaigns", _campaigns)
    blueprint.add_url_rule("/campaigns/<campaign>", "campaign", _campaign)
    blueprint.add_url_rule("/doubts", "doubts", _doubts)
    blueprint.add_url_rule("/<path:_>", "nothing", _nothing)
    answer_as(blueprint, pages=True)
    return blueprint


def _asking(authorize: Callable[[], Any]) -> Callable[[], Any]:
    def ask() -> Any:
        answer = authorize()
        if isinstance(answer, Response) or (isinstance(answer, tuple | str) and answer):
            return answer
        if not answer:
            raise Forbidden("this page is not for you")
        return None

    return ask


def _campaigns() -> str:
    library, given = _library(), filled(dict(request.args.lists()))
    shown = library.for_account(given["account"][0]) if "account" in given else library
    return render_template(
        "dispatcher/campaigns.html",
        page=shown.page(_offset(), _CAMPAIGNS, **which_of(given)),
        given=given,
        also=f"&{urlencode(given, doseq=True)}" if given else "",
        states=list(CampaignState),
        accounts=list(library.settings.accounts),
        **_live(ended=False),
    )


def _campaign(campaign: str) -> str:
    library, found = _library(), id_of(campaign)
    progress = library.progress(found)
    return render_template(
        "dispatcher/campaign.html",
        campaign=library.campaign(found),
        progress=progress,
        batches=library.batches(found, offset=_offset(), limit=_BATCHES),
        actions=library.actions(found, limit=20),
        **_live(ended=progress.ended),
    )


def _nothing(**_: object) -> str:
    raise NotFound("there is no such page")


def _doubts() -> str:
    library = _library()
    return render_template(
        "dispatcher/doubts.html",
        doubts=library.doubts(),
        incidents=library.incidents(),
        **_live(ended=False),
    )


def _library() -> Dispatcher:
    return library_of(current_app)


def _offset() -> int:
    value = request.args.get("offset", "0")
    if not re.fullmatch(r"[0-9]{1,9}", value):
        raise NotFound("there is no such page")
    return int(value)


def _live(*, ended: bool) -> dict[str, Any]:
    """Whether the page reloads itself; the reader may stop that."""
    still = request.args.get("refresh") == "off"
    return {"refresh": None if ended or still else _REFRESH, "can_refresh": not ended}


def _words() -> dict[str, Any]:
    """The functions and values that all templates use."""
    now = _library().clock()

    def at(instant: datetime) -> str:
        return moment(instant, now)

    def waits(progress: Progress) -> str:
        return masked(standing(progress, now))

    def held(batch: BatchRecord) -> str:
        waits_until = batch.waits_until
        if waits_until is None or waits_until <= now:
            return masked(batch.why)
        until = f"until {at(waits_until)}"
        return masked(f"{until}: {batch.why}" if batch.why else until)

    return {
        "at": at,
        "waits": waits,
        "held": held,
        "bar": lambda progress: pieces(progress.messages, _BAR),
        "ended": lambda progress: percent_ended(progress.messages),
        "masked": masked,
        "counted": counted,
        "euros": euros,
        "place": lambda name: TERRITORIES[name].label,
        "now": now,
    }

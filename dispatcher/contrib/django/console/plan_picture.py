"""The picture of a plan: when the messages leave, as the command line draws it."""

from __future__ import annotations

import base64

from django.utils.translation import gettext as _

from dispatcher.api import Dispatcher
from dispatcher.campaigns.plan import Plan
from dispatcher.cli.commands.plan import timeline_of
from dispatcher.cli.timeline_svg import in_svg
from dispatcher.language import Language


def picture(dispatcher: Dispatcher, plan: Plan, language: Language, *, commercial: bool) -> str:
    """An address with the picture in it, for an ``<img>``: its styles stay out of the page."""
    line = timeline_of(dispatcher, plan, commercial=commercial)
    drawn = in_svg(line, title=_("When it leaves"), language=language)
    return f"data:image/svg+xml;base64,{base64.b64encode(drawn.encode()).decode()}"

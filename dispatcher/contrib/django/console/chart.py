"""The course of a campaign as a picture: lines that the style sheet colours, and a table."""

from __future__ import annotations

from typing import Any, Final

from django.utils.translation import gettext_lazy as _

from dispatcher.campaigns.course import Course
from dispatcher.language import Language

WIDTH: Final = 1000
HEIGHT: Final = 240
_WORDS: Final = {
    "sent": _("sent"),
    "delivered": _("delivered"),
    "failed": _("failed"),
}


def chart_of(course: Course, language: Language) -> dict[str, Any]:
    """What ``chart.html`` shows; empty without a course."""
    if not course.most:
        return {}
    until, number = course.until, language.forms.number
    columns = list(zip(*course.sums.values(), strict=True))
    return {
        "width": WIDTH,
        "height": HEIGHT,
        "half": HEIGHT // 2,
        "lines": [
            {"name": name, "word": _WORDS[name], "last": sums[-1], "path": _path(sums, course.most)}
            for name, sums in course.sums.items()
            if any(sums)
        ],
        "says": ", ".join(
            f"{number(sums[-1])} {_WORDS[name]}" for name, sums in course.sums.items()
        ),
        "most": course.most,
        "hours": [until[0], until[len(until) // 2], until[-1]],
        # a point at which nothing changed is no row
        "rows": [
            (until[n], sums) for n, sums in enumerate(columns) if n and sums != columns[n - 1]
        ],
        "words": list(_WORDS.values()),
        "language": language,
    }


def _path(sums: tuple[int, ...], most: int) -> str:
    step = WIDTH / max(len(sums) - 1, 1)
    return "M" + " L".join(
        f"{round(n * step)} {HEIGHT - HEIGHT * total // most}" for n, total in enumerate(sums)
    )

"""The site of the documentation: `make docs` writes it to var/docs."""

from __future__ import annotations

import inspect
from datetime import time
from importlib.metadata import version as installed

from sphinx.application import Sphinx

import dispatcher
from dispatcher.settings import PREFIX, Settings

project = "SMS campaign dispatcher for France"
version = release = installed("sms-campaign-dispatcher")
html_show_copyright = False
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx_click"]
exclude_patterns = ["images"]
html_theme = "furo"
html_title = project
myst_heading_anchors = 3
# links to files of the repository that are no pages; the tests follow those of every page
suppress_warnings = ["myst.xref_missing", "myst.header"]
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"


def settings_table() -> str:
    """Every setting with its default and meaning, as the code has them."""
    rows = ["| variable | default | meaning |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = field.get_default(call_default_factory=True)
        if hasattr(default, "get_secret_value"):
            default = default.get_secret_value()
        if isinstance(default, (list, tuple)):
            default = ",".join(f"{it:g}" if isinstance(it, float) else str(it) for it in default)
        if isinstance(default, time):
            default = f"{default:%H:%M}"
        shown = "–" if default in (None, "", {}) else f"`{default}`"
        rows.append(f"| `{PREFIX}{name.upper()}` | {shown} | {field.description} |")
    return "\n".join(rows)


def public_names() -> str:
    """Directives for every public name; values show what they mean, Dispatcher its methods."""
    lines = ["```{eval-rst}", ".. currentmodule:: dispatcher", ""]
    for name in sorted(dispatcher.__all__, key=lambda it: (it != "Dispatcher", it)):
        kind = getattr(dispatcher, name)
        if not inspect.isclass(kind):
            auto = "autofunction" if inspect.isfunction(kind) else "autodata"
        else:
            auto = "autoexception" if issubclass(kind, Exception) else "autoclass"
        lines += [f".. {auto}:: {name}"]
        lines += ["   :members:"] if name == "Dispatcher" else []
        lines += [""]
    return "\n".join([*lines, "```"])


def fill(app: Sphinx, page: str, source: list[str]) -> None:
    """Put what the code says where a page asks for it."""
    source[0] = source[0].replace("<!-- settings -->", settings_table())
    source[0] = source[0].replace("<!-- public names -->", public_names())


def setup(app: Sphinx) -> None:
    """Called by Sphinx."""
    app.connect("source-read", fill)

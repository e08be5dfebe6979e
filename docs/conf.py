"""The site of the documentation: `make docs` writes it to var/docs."""

from __future__ import annotations

import inspect
from importlib.metadata import version as installed

from sphinx.application import Sphinx

import dispatcher

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
        lines += ["   :members:", "   :inherited-members: Operator"] if name == "Dispatcher" else []
        lines += [""]
    return "\n".join([*lines, "```"])


def fill(_app: Sphinx, _page: str, source: list[str]) -> None:
    """Put what the code says where a page asks for it."""
    source[0] = source[0].replace("<!-- public names -->", public_names())


def setup(app: Sphinx) -> None:
    """Called by Sphinx."""
    app.connect("source-read", fill)

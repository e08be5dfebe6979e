"""Pages in a real browser: a headless Chromium of this machine that may only open loopback.

It is ``TEST_CHROMIUM`` or one of the usual names on PATH; nothing is downloaded. Where there is
none, tests skip with the reason; with ``CI`` set they fail.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Route, expect, sync_playwright

#: opens a page with its own cookies and passwords; takes the arguments of ``Browser.new_context``
OpenPage = Callable[..., Page]

_NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome")
_ARGUMENTS = [
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
#: milliseconds; generous, because several tests share the machine
_PATIENCE = 90_000


# it ends with its module: while it runs this thread counts as asynchronous, and Django refuses to
# use a database there
@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One browser for the tests of a module; each test opens its own pages with ``open_page``."""
    path = os.environ.get("TEST_CHROMIUM") or next(filter(None, map(shutil.which, _NAMES)), None)
    if path is None:
        reason = "no Chromium on this machine: install one, or name it in TEST_CHROMIUM"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    expect.set_options(timeout=_PATIENCE)
    # root, as in a container, may not have Chromium's own sandbox
    sandbox = getattr(os, "geteuid", lambda: 1)() != 0
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, args=_ARGUMENTS, chromium_sandbox=sandbox
        )
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium: Browser) -> Iterator[OpenPage]:
    """Opens pages; a script error or a request that leaves the machine fails the test."""
    wrong: list[str] = []
    contexts = []

    def only_loopback(route: Route) -> None:
        if urlsplit(route.request.url).hostname in {"127.0.0.1", "localhost"}:
            route.continue_()
        else:
            wrong.append(f"asked {urlsplit(route.request.url).hostname}")
            route.abort()

    def opened(**options: Any) -> Page:
        context = chromium.new_context(**options)
        contexts.append(context)
        context.set_default_timeout(_PATIENCE)
        context.route("**/*", only_loopback)
        page = context.new_page()
        page.on("pageerror", lambda error: wrong.append(str(error)))
        return page

    yield opened
    for context in contexts:
        context.close()
    assert wrong == []


def width_of(page: Page) -> int:
    """How wide a page is laid out, in CSS pixels: more than its window if one must scroll sideways.

    A page that a click opened can be seen and measured before its style sheet has arrived.
    """
    page.wait_for_load_state()
    return int(page.evaluate("document.documentElement.scrollWidth"))

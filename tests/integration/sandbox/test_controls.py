"""The controls of the sandbox are as the page of the gateway shows them."""

from __future__ import annotations

import json
import re
import urllib.request
from pathlib import Path

import pytest

from dispatcher.sandbox.process import Sandbox
from tests.waiting import PATIENCE

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/gateway.md").read_text(encoding="utf-8")
CALLS = re.findall(r"`(GET|POST) (/_sandbox/[a-z-]+)`(?: `(\{.*?\})`)?", PAGE)


def test_page_names_every_control() -> None:
    code = (ROOT / "dispatcher/sandbox/gateway/controls.py").read_text(encoding="utf-8")
    posts = set(re.findall(r'case \("POST", "([a-z-]+)"\)', code))
    assert {path.removeprefix("/_sandbox/") for verb, path, _ in CALLS if verb == "POST"} == posts
    for name in re.findall(r'case \("GET", "([a-z-]+)"\)', code):
        assert re.search(rf"`(GET /_sandbox/|…/){name}`", PAGE)


@pytest.mark.parametrize(("verb", "path", "body"), CALLS)
def test_control_takes_what_the_page_shows(tmp_path: Path, verb: str, path: str, body: str) -> None:
    if path.endswith("/reply"):  # to somebody who was texted, at an address
        body = json.dumps(json.loads(body) | {"url": "http://127.0.0.1:9/reply"})
    with Sandbox(tmp_path / "ledger.jsonl") as sandbox:
        address = sandbox.url.removesuffix("/v1") + path
        call = urllib.request.Request(address, body.encode() or None, method=verb)
        with urllib.request.urlopen(call, timeout=PATIENCE) as answer:
            assert json.load(answer) or verb == "GET"

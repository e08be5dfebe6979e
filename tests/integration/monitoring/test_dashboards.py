"""Dashboard and alerts ask for what a worker tells, and each alert is explained."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from dispatcher.storage import balances
from dispatcher.storage.balances import Balance
from dispatcher.storage.database import Database
from tests.integration.dispatch.test_accounts import opened
from tests.integration.monitoring.test_metrics import Scrape

ROOT = Path(__file__).parents[3]
BOARD = json.loads((ROOT / "deploy/grafana/dispatcher.json").read_text(encoding="utf-8"))
ALERTS: list[dict[str, Any]] = [
    rule
    for group in yaml.safe_load((ROOT / "deploy/prometheus/alerts.yml").read_text("utf-8"))[
        "groups"
    ]
    for rule in group["rules"]
]
#: every expression, by what asks for it
ASKED = {rule["alert"]: rule["expr"] for rule in ALERTS} | {
    f"{panel['title']} {target['refId']}": target["expr"]
    for panel in BOARD["panels"]
    for target in panel["targets"]
}
_WORD = r"(?:dispatcher|process)_\w+"


def asked(expression: str) -> Iterator[tuple[str, str, str]]:
    """Each metric of an expression with a label and its value, or with neither."""
    for name, matchers in re.findall(rf"\b({_WORD})\b(?:\{{([^}}]*)\}})?", expression):
        found = re.findall(r'(\w+)=~?"([^"]*)"', matchers)
        yield from ((name, label, value) for label, values in found for value in values.split("|"))
        if not found:
            yield name, "", ""


@pytest.mark.parametrize("who", ASKED)
def test_every_queried_metric_exists(who: str, scrape: Scrape) -> None:
    parts = list(asked(ASKED[who]))
    assert parts or "up{" in ASKED[who]
    for name, label, value in parts:
        labels = [sample for result, sample in scrape.labels if result == name]
        assert labels, f"no metric {name}"
        if label:
            assert any(sample.get(label) == value for sample in labels), f"no {label}={value}"


@pytest.mark.parametrize("who", ASKED)
def test_installation_metrics_are_not_summed_over_workers(who: str) -> None:
    own = {
        "dispatcher_calls_total",
        "dispatcher_account_calls_total",
        "dispatcher_call_seconds_bucket",
        "dispatcher_build_info",
        "dispatcher_unusable_answers_total",
    }
    for added in re.findall(rf"\bsum\b[^()]*\((?:by \([^)]*\) )?[^)]*?({_WORD})", ASKED[who]):
        assert added in own, f"{added} would count every worker"


def test_every_label_that_is_grouped_by_exists(scrape: Scrape) -> None:
    known = {label for _, labels in scrape.labels for label in labels} | {"instance", "job"}
    for expression in ASKED.values():
        for group in re.findall(r"\b(?:by|on) \(([^)]*)\)", expression):
            assert {label.strip() for label in group.split(",") if label.strip()} <= known


def test_every_metric_of_ours_is_on_the_dashboard_or_alerted_on(scrape: Scrape) -> None:
    """One that nobody looks at is not worth its query."""
    result = {name for name, _ in scrape.labels if name.startswith("dispatcher_")}
    looked_at = {name for expression in ASKED.values() for name, *_ in asked(expression)}
    assert result - looked_at == {"dispatcher_call_seconds_count", "dispatcher_call_seconds_sum"}


def test_every_alert_is_explained_and_every_explanation_is_of_an_alert() -> None:
    text = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    explained = re.findall(r"^\| `(Dispatcher\w+)` \|", text, re.MULTILINE)
    assert sorted(explained) == sorted(rule["alert"] for rule in ALERTS)


def test_every_metric_is_explained_and_every_explanation_is_of_a_metric(scrape: Scrape) -> None:
    text = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`dispatcher_.*?`) \|", text, re.MULTILINE)
    explained = set(re.findall(r"`(dispatcher_\w+)", " ".join(rows)))
    result = {name for name, _ in scrape.labels if name.startswith("dispatcher_")}
    assert {re.sub(r"_(?:bucket|count|sum)$", "", name) for name in result} == explained


def test_every_alert_says_how_bad_it_is_in_a_sentence() -> None:
    for rule in ALERTS:
        assert rule["labels"]["severity"] in {"critical", "warning", "info"}
        assert rule["annotations"]["summary"].endswith(".")


def test_panels_do_not_overlap_and_have_unique_ids() -> None:
    places: set[tuple[int, int]] = set()
    for panel in BOARD["panels"]:
        at = panel["gridPos"]
        taken = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert not places & taken, panel["title"]
        assert at["x"] + at["w"] <= 24
        places |= taken
    ids = [panel["id"] for panel in BOARD["panels"]]
    assert len(ids) == len(set(ids))


@pytest.fixture
def scrape(tables: Database) -> Iterator[Scrape]:
    """All that can be told: several accounts, and their balances."""
    for bench in opened(tables):
        with tables.write() as session:
            for account in ("", "shop", "news"):
                balances.note(session, account, Balance(euros=Decimal(10)))
        yield Scrape(bench)

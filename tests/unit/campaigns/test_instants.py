"""When a campaign is asked to begin and to end: what is refused, and what is warned of."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from dispatcher import Dispatcher, InvalidCampaign, Settings
from dispatcher.campaigns.submission import Submission

NOW = datetime(2027, 1, 12, 10, tzinfo=UTC)


@pytest.mark.parametrize("name", ["not_before", "not_after"])
@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("2027-03-27T20:00+01:00", "str"),
        ("demain", "str"),
        (date(2027, 3, 27), "date"),
        (1_800_000_000, "int"),
    ],
)
def test_instant_of_another_type_is_refused_in_one_sentence(
    name: str, value: Any, kind: str
) -> None:
    with pytest.raises(
        InvalidCampaign, match=rf"^{name} is a {kind}, and a datetime with a time zone is needed"
    ):
        Submission(reference="soldes", text="Soldes", **{name: value})


@pytest.mark.parametrize(("ago", "warned"), [(23, 0), (24 * 365, 1)])
def test_beginning_that_is_long_past_is_warned_of(sqlite_url: str, ago: int, warned: int) -> None:
    dispatcher = Dispatcher(Settings.of(database_url=sqlite_url, sender="Ours"), clock=lambda: NOW)
    begin = NOW - timedelta(hours=ago)

    plan = dispatcher.plan("Soldes", ["+33639980001"], not_before=begin)

    dispatcher.database.close()
    found = [one for one in plan.warnings if one.startswith("not_before")]
    says = "not_before, Monday 2026-01-12 11:00 in Paris, was 365 days ago"
    assert found == [f"{says}: the campaign leaves as soon as it may"] * warned

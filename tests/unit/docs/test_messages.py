"""The page of changes of messages shows what is posted and read."""

from __future__ import annotations

import json
import re
from datetime import datetime
from pathlib import Path

from dispatcher import Event, MessageChange, MessageChanges

PAGE = (Path(__file__).parents[3] / "docs/messages.md").read_text(encoding="utf-8")


def test_its_json_is_what_the_code_writes() -> None:
    change, event = map(json.loads, re.findall(r"^```json\n(.*?)^```$", PAGE, re.M | re.S))
    at = datetime.fromisoformat(change["at"])
    assert MessageChange(**change | {"at": at}).as_json() == change
    found = MessageChanges(changes=(), cursor=event["data"]["cursor"], missed=500)
    at = datetime.fromisoformat(event["timestamp"])
    told = Event(id=event["id"], kind="messages_changed", at=at, changes=found)
    assert told.as_json() == event

"""Texts: templates, the spelling of the gateway, and the segments that are billed."""

from dispatcher.texts.arrival import Arrival, Call, arrival, checked
from dispatcher.texts.marks import without_marks
from dispatcher.texts.mention import has_stop
from dispatcher.texts.spelling import (
    as_sent,
    needs_unicode,
    resolved,
    wire_needs_unicode,
    wire_text,
    wire_texts,
    without_accidents,
)

__all__ = [
    "Arrival",
    "Call",
    "arrival",
    "as_sent",
    "checked",
    "has_stop",
    "needs_unicode",
    "resolved",
    "wire_needs_unicode",
    "wire_text",
    "wire_texts",
    "without_accidents",
    "without_marks",
]

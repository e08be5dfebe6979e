"""Texts: templates, the spelling of the gateway, and the segments that are billed."""

from dispatcher.texts.spelling import (
    as_sent,
    check,
    has_stop,
    needs_unicode,
    resolved,
    wire_needs_unicode,
    wire_text,
    wire_texts,
    without_accidents,
)

__all__ = [
    "as_sent",
    "check",
    "has_stop",
    "needs_unicode",
    "resolved",
    "wire_needs_unicode",
    "wire_text",
    "wire_texts",
    "without_accidents",
]

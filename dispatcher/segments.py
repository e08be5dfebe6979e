"""Segments: ``measure(text)`` gives the encoding, the units and the segments of a text."""

from dispatcher.texts.segments import Measure, measure

__all__ = ["Measure", "measure"]

"""What is made of the values of each recipient: fields, segments, and the kind of call."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from operator import itemgetter
from typing import Final

import orjson

from dispatcher.campaigns.longest_texts import LongestTexts
from dispatcher.campaigns.value_findings import (
    ValueFinding,
    ValueFindings,
    finding_of,
    spoilt_in,
)
from dispatcher.recipients.values import NamedValues
from dispatcher.texts import Arrival, checked, needs_unicode
from dispatcher.texts.estimate import Estimator
from dispatcher.texts.segments import MAX_SEGMENTS
from dispatcher.texts.templates import MissingField, compile_template

#: most values of fields whose result is cached: first names recur, voucher codes do not
_MOST_CACHED: Final = 10_000
#: kinds of calls: whether its texts have a STOP mention of their own, and whether in Unicode
KINDS: Final = 4
#: the JSON of the fields used, the segments, the kind of call, and what the values do to the text
Personal = tuple[str | None, int, int, ValueFinding | None]


class PersonalTexts:
    """The text of one campaign to each of its recipients."""

    def __init__(self, text: str, budget: int, no_unicode: str, *, known: bool) -> None:
        """``known`` is False for a survey; the others are as in ``checked``. Raises InvalidText."""
        #: whether segments and cost are known: SMS Partner holds the text of a survey
        self.known = known
        #: the longest texts as they arrive
        self.longest = LongestTexts()
        #: what the values of the list do to its texts
        self.findings = ValueFindings()
        #: rows without a value, by the name of the field
        self.missing: Counter[str] = Counter()
        self._budget, self._no_unicode = budget, no_unicode
        self._template = template = compile_template(text)
        self._named = NamedValues(template.fields)
        self._values = itemgetter(*template.fields or ("",))
        self._estimator = Estimator(template, budget)
        # that the text itself needs Unicode is no matter of values
        self._dear = any(map(needs_unicode, template.literals))
        #: by the values of the fields used
        self._cached: dict[object, Personal] = {}
        self._same: Personal | None = None
        if not known:
            self._same = None, 0, 0, None
        elif not template.fields:  # a text with fields is checked for each recipient
            self._same = _of(None, self._arrival(text), None)

    @property
    def has_fields(self) -> bool:
        """Whether the text has fields, so that it differs from person to person."""
        return bool(self._template.fields)

    def of(self, fields: Mapping[str, str]) -> Personal:
        """What is stored and planned for one recipient. Raises InvalidText."""
        if self._same is not None:
            return self._same
        try:
            values = self._values(fields)
        except KeyError:  # a missing field may have a default
            return self._made(fields)
        cached = self._cached.get(values)
        if cached is None:
            cached = self._made(fields)
            if len(self._cached) < _MOST_CACHED:
                self._cached[values] = cached
        return cached

    def _made(self, fields: Mapping[str, str]) -> Personal:
        used = self._named.of(fields)
        estimate = self._estimator.estimate(used)
        written = _as_json(used)
        # letters that are garbled have no estimate
        spoilt = spoilt_in(used.values()) if not estimate or "&" in written else None
        finding = ValueFinding(spoilt=spoilt) if spoilt else None
        if estimate and estimate[0] <= MAX_SEGMENTS and estimate <= self.longest.bar:
            return written, estimate[0], self._estimator.has_stop, finding
        try:
            text = self._template.render(used)
        except MissingField as error:
            self.missing[error.field] += 1
            raise
        arrives = self._arrival(text)
        if not (estimate or self._dear):
            other = finding_of(used, text, arrives, self._budget)
            finding = replace(other, spoilt=spoilt) if other else finding
        return _of(written, arrives, finding)

    def _arrival(self, text: str) -> Arrival:
        arrives = checked(text, budget=self._budget, no_unicode=self._no_unicode)
        self.longest.add(arrives)
        return arrives


def _of(fields: str | None, arrives: Arrival, finding: ValueFinding | None) -> Personal:
    kind = arrives.has_stop + 2 * arrives.unicode
    return fields, arrives.measure.segments, kind, finding


def _as_json(fields: Mapping[str, str]) -> str:
    try:
        return orjson.dumps(fields).decode()
    except TypeError:  # a lone surrogate, which has no UTF-8
        return json.dumps(fields, ensure_ascii=False, separators=(",", ":"))

"""The form that sets a series up, perhaps with what a draft says."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from datetime import time, timedelta
from typing import Any, Final

from django import forms
from django.core import signing
from django.utils.translation import gettext_lazy as _

from dispatcher.campaigns.draft import Draft, written_options
from dispatcher.campaigns.series import LEAD, SERIES_OPTIONS
from dispatcher.campaigns.states import Missed
from dispatcher.contrib.django import dispatcher
from dispatcher.contrib.django.console.durations import written
from dispatcher.contrib.django.console.reader import language_of
from dispatcher.contrib.django.console.series_form import SeriesFields
from dispatcher.contrib.django.console.smoothing_form import over_in, smoothing_in

DAYS: Final = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
#: the ways to say when; the last one is a rule as it is written
WEEKLY, FORTNIGHTLY, MONTHLY, RULE = "weekly", "fortnightly", "monthly", "rule"
_HOUR: Final = time(10, 0)


@dataclass(frozen=True, slots=True)
class _Origin:
    """What a series has from its draft, also once that is discarded: nobody can leave it out."""

    account: str
    #: who wrote its text may not approve the series
    writers: list[str]

    @classmethod
    def of(cls, draft: Draft | None, data: Any) -> _Origin | None:
        """That of the draft, or of the draft that the page was shown with."""
        if draft is not None:
            return cls(draft.account, list(draft.writers))
        try:
            return cls(**signing.loads((data or {}).get("origin", ""), salt=__name__))
        except signing.BadSignature:
            return None

    def signed(self) -> str:
        return signing.dumps(asdict(self), salt=__name__)


class NewSeriesForm(SeriesFields):
    """All that a series needs. The options of a draft that it is made of stay as they are."""

    #: what the page gives back
    origin: str = ""

    name = forms.CharField(label=_("Name of the series, such as weekly-offer"), max_length=80)
    account = forms.ChoiceField(label=_("Account"), required=False)
    numbers = forms.CharField(
        label=_("Column of its numbers; empty: found by itself"), max_length=100, required=False
    )
    often = forms.ChoiceField(
        label=_("How often"),
        choices=[
            (WEEKLY, _("every week")),
            (FORTNIGHTLY, _("every other week")),
            (MONTHLY, _("every month")),
            (RULE, _("by a rule of yours (RRULE)")),
        ],
    )
    which = forms.ChoiceField(
        label=_("Which one of the month"),
        choices=[
            ("1", _("the first")),
            ("2", _("the second")),
            ("3", _("the third")),
            ("4", _("the fourth")),
            ("-1", _("the last")),
        ],
        required=False,
    )
    days = forms.MultipleChoiceField(
        label=_("Days"), widget=forms.CheckboxSelectMultiple, required=False
    )
    hour = forms.TimeField(
        label=_("At, on the clock of Paris"),
        widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
        required=False,
    )
    transactional = forms.BooleanField(
        label=_("Not commercial: no STOP mention, any hour"), required=False
    )
    reason = forms.CharField(
        label=_("Why it is not commercial, for the record"), max_length=200, required=False
    )

    def __init__(self, request: Any, draft: Draft | None, data: Any = None) -> None:
        super().__init__(data, label_suffix="", initial=_initial(draft))
        self._draft, self._origin = draft, _Origin.of(draft, data)
        if self._origin is not None:
            self.origin = self._origin.signed()
        self.over_before = over_in(draft.options) if draft else None
        self.fields["rule"].required = False
        choices: Any = self.fields
        language = language_of(request)
        choices["days"].choices = list(zip(DAYS, language.forms.days, strict=True))
        # a name is called, and a file is opened: nobody chooses any by a form
        choices["source"].choices = [(one, one) for one in dispatcher.settings.series_lists]
        choices["source"].required = True
        self.initial["source"] = next(iter(dispatcher.settings.series_lists), "")
        names = dispatcher.settings.accounts
        if self._origin is not None or not names:
            del self.fields["account"]
        else:
            choices["account"].choices = [
                ("", _("Default account")),
                *((name, name) for name in names),
            ]
        account = self._origin.account if self._origin else ""
        own = dispatcher.settings.of_account(account)
        self.fields["sender"].widget.attrs["placeholder"] = own.sender or ""

    def clean(self) -> dict[str, Any]:
        """Say what is missing of when it comes."""
        value: dict[str, Any] = super().clean() or {}
        often = value.get("often")
        if often == RULE and not value.get("rule", "").strip():
            self.add_error("rule", _("Give a rule."))
        elif often and often != RULE:
            if not value.get("days") and "days" not in self.errors:
                self.add_error("days", _("Choose a day."))
            if value.get("hour") is None and "hour" not in self.errors:
                self.add_error("hour", _("Give an hour."))
        return value

    def rule_of(self) -> str:
        """The rule (RRULE) that the fields say."""
        value = self.cleaned_data
        often, days, hour = value["often"], value["days"], value["hour"]
        if often == RULE:
            return str(value["rule"]).strip()
        if often == MONTHLY:
            days = [f"{value['which'] or 1}{day}" for day in days]
        parts = [
            "FREQ=MONTHLY" if often == MONTHLY else "FREQ=WEEKLY",
            *(["INTERVAL=2"] if often == FORTNIGHTLY else []),
            f"BYDAY={','.join(days)}",
            f"BYHOUR={hour.hour}",
            *([f"BYMINUTE={hour.minute}"] if hour.minute else []),
        ]
        return ";".join(parts)

    def given(self) -> dict[str, Any]:
        """What the form says, as ``add`` takes it beside the name. Raises InvalidCampaign."""
        value, said = self.cleaned_data, self.said()
        options = dict(self._draft.options) if self._draft else {}
        options = {name: one for name, one in options.items() if name in SERIES_OPTIONS}
        options |= {
            "sender": value["sender"] or None,
            "tags": self.tag_list,
            **self.smoothing,
            "commercial": not value["transactional"],
            "reason": value["reason"] if value["transactional"] else "",
            "account": self._origin.account if self._origin else value.get("account") or None,
        }
        source = value["source"]
        column = "phone" if _is_called(source) else "column"
        reading = {column: value["numbers"]} if value["numbers"] else {}
        not_after = said.pop("not_after") or None
        said |= {"rule": self.rule_of(), "source": source, "reading": reading}
        if self._origin is not None:
            said["writers"] = self._origin.writers
        return {**options, **said, "not_after": not_after}

    @property
    def name_given(self) -> str:
        """The name."""
        return str(self.cleaned_data["name"]).strip()

    def fingerprint(self, given: dict[str, Any]) -> str:
        """What was read before the series is added: its name and all that it says."""
        own = {name: value for name, value in given.items() if name in SERIES_OPTIONS}
        rest = sorted((name, str(value)) for name, value in given.items() if name not in own)
        words = repr((self.name_given, written_options(own), rest))
        return hashlib.sha256(words.encode()).hexdigest()


def _is_called(source: str) -> bool:
    """Whether the list is a name in the application, and no file."""
    return ":" in source and not source.startswith("/")


def _initial(draft: Draft | None) -> dict[str, Any]:
    options = dict(draft.options) if draft else {}
    return {
        "often": WEEKLY,
        "which": "1",
        "hour": _HOUR,
        "lead": written(LEAD),
        "lasts": written(timedelta(hours=9)),
        "missed": Missed.LATE.value,
        "text": draft.text if draft else "",
        "sender": options.get("sender") or "",
        "tags": " ".join(options.get("tags", ())),
        "transactional": not options.get("commercial", True),
        "reason": options.get("reason", ""),
        **smoothing_in(options),
    }

"""The forms of a series: one that sets it up, and one that changes it from its next occurrence."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from dispatcher.campaigns.series import Series
from dispatcher.campaigns.series_fields import expiry_of
from dispatcher.campaigns.states import Missed
from dispatcher.contrib.django import dispatcher
from dispatcher.contrib.django.console.durations import typed, written
from dispatcher.contrib.django.console.smoothing_form import SmoothingForm, over_in, smoothing_in


class SeriesFields(SmoothingForm):
    """What both forms have. The list is one that the settings name."""

    #: what they were, to the second
    lead_before: timedelta | None = None
    lasts_before: timedelta | None = None

    text = forms.CharField(
        label=_("Text"),
        widget=forms.Textarea(attrs={"rows": 5}),
        max_length=2000,
        required=False,
        strip=False,
    )
    rule = forms.CharField(label=_("Rule (RRULE), on the clock of Paris"), max_length=500)
    source = forms.ChoiceField(label=_("The list"), required=False)
    lead = forms.CharField(
        label=_("How long before its hour one is made: 90min, 2h, 3d"), max_length=20
    )
    lasts = forms.CharField(
        label=_("How long after its hour what has not left expires; empty: never"),
        max_length=20,
        required=False,
    )
    missed = forms.ChoiceField(
        label=_("One that no worker made in time"),
        choices=[(Missed.LATE, _("runs late")), (Missed.SKIP, _("is skipped"))],
    )
    sender = forms.CharField(label=_("Sender"), max_length=11, required=False)
    tags = forms.CharField(label=_("Tags, such as shop-lyon"), max_length=600, required=False)

    def said(self) -> dict[str, Any]:
        """What the fields say, as ``add`` and ``change`` take it. Raises InvalidCampaign."""
        value = self.cleaned_data
        lead = typed("lead", value["lead"], self.lead_before)
        lasts = typed("not_after", value["lasts"], self.lasts_before, expiry_of)
        return {
            "text": value["text"].replace("\r\n", "\n"),
            "rule": value["rule"].strip(),
            "lead": lead,
            "not_after": lasts or timedelta(0),
            "missed": value["missed"],
        }

    @property
    def tag_list(self) -> list[str]:
        """The tags."""
        return str(self.cleaned_data["tags"]).replace(",", " ").split()


class SeriesForm(SeriesFields):
    """What of a series may change. The list may become another one that the settings name."""

    def __init__(self, series: Series, data: Any = None) -> None:
        super().__init__(data, label_suffix="", initial=initial_of(series))
        self._series = series
        self.lead_before, self.lasts_before = series.lead, series.lasts
        self.over_before = over_in(series.options)
        own = dispatcher.settings.of_account(series.account)
        self.fields["sender"].widget.attrs["placeholder"] = own.sender or ""
        # a name is called, and a file is opened: nobody chooses any by a form
        lists = dict.fromkeys((series.source, *dispatcher.settings.series_lists))
        if len(lists) > 1:
            self.fields["source"].choices = [(one, one) for one in lists]  # type: ignore[attr-defined]
        else:
            del self.fields["source"]

    def changes(self) -> dict[str, Any]:
        """What differs from the series, as ``change`` takes it. Raises InvalidCampaign."""
        value, series = self.cleaned_data, self._series
        before = {
            "text": series.text,
            "rule": series.rule,
            "lead": series.lead,
            "not_after": series.lasts or timedelta(0),
            "missed": series.missed.value,
            "source": series.source,
        }
        given = self.said() | {"source": value.get("source") or series.source}
        found = {name: new for name, new in given.items() if new != before[name]}
        options = {"tags": self.tag_list, "sender": value["sender"] or None, **self.smoothing}
        had = {name: series.options.get(name) for name in options}
        if options != had | {"tags": list(had["tags"] or ())}:
            found["options"] = {**series.options, **options}
        return found


def initial_of(series: Series) -> dict[str, Any]:
    """What the fields show of a series."""
    return {
        "text": series.text,
        "rule": series.rule,
        "source": series.source,
        "lead": written(series.lead),
        "lasts": written(series.lasts),
        "missed": series.missed.value,
        "sender": series.options.get("sender") or "",
        "tags": " ".join(series.options.get("tags", ())),
        **smoothing_in(series.options),
    }

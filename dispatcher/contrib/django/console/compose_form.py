"""The form of a new campaign."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from dispatcher.campaigns.submission import Options


class _Moment(forms.DateTimeField):
    """An instant of Paris, as ``<input type="datetime-local">`` sends it."""

    widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")
    input_formats = ("%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M")


class ComposeForm(forms.Form):
    """What a campaign says, from whom, and when it may leave; the list is beside it."""

    reference = forms.CharField(label=_("Name of the campaign"), max_length=100)
    text = forms.CharField(
        label=_("Text"), widget=forms.Textarea(attrs={"rows": 5}), max_length=2000
    )
    sender = forms.CharField(label=_("Sender"), max_length=11, required=False)
    not_before = _Moment(label=_("Not before"), required=False)
    not_after = _Moment(label=_("Not after"), required=False)
    transactional = forms.BooleanField(
        label=_("Not commercial: no STOP mention, any hour"), required=False
    )
    reason = forms.CharField(
        label=_("Why it is not commercial, for the record"), max_length=200, required=False
    )
    consent = forms.BooleanField(
        label=_("These people have agreed to get commercial messages from us."), required=False
    )

    def __init__(self, data: Any = None) -> None:
        super().__init__(data, label_suffix="")

    @property
    def named(self) -> str:
        """The name of the campaign."""
        return str(self.cleaned_data["reference"])

    @property
    def says(self) -> str:
        """The text, with the line breaks of the browser as one character."""
        return str(self.cleaned_data["text"]).replace("\r\n", "\n")

    @property
    def options(self) -> Options:
        """The options of ``plan`` and ``submit``."""
        return {
            "sender": self.cleaned_data["sender"] or None,
            "not_before": self._utc("not_before"),
            "not_after": self._utc("not_after"),
            "commercial": not self.cleaned_data["transactional"],
            "reason": self.cleaned_data["reason"] if self.cleaned_data["transactional"] else "",
        }

    def _utc(self, name: str) -> Any:
        value = self.cleaned_data[name]
        return value if value is None or timezone.is_aware(value) else timezone.make_aware(value)

"""The fields of a form that say how a campaign is smoothed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from dispatcher.campaigns.smoothing import MOST_AN_HOUR
from dispatcher.contrib.django.console.durations import typed, written
from dispatcher.contrib.django.console.whole_numbers import WholeNumberField


class SmoothingForm(forms.Form):
    """At most so many messages an hour, or all of them over so much opening time."""

    #: what it was, to the second
    over_before: timedelta | None = None

    per_hour = WholeNumberField(
        label=_("At most so many messages an hour"),
        min_value=1,
        max_value=MOST_AN_HOUR,
        required=False,
    )
    over = forms.CharField(
        label=_("or evenly over so much opening time: 90min, 6h"), max_length=20, required=False
    )

    @property
    def smoothing(self) -> dict[str, int | None]:
        """The two options. Raises InvalidCampaign for what is no duration."""
        over = typed("over", self.cleaned_data["over"], self.over_before)
        seconds = None if over is None else over // timedelta(seconds=1)
        return {"per_hour": self.cleaned_data["per_hour"], "over": seconds}


def smoothing_in(options: Mapping[str, Any]) -> dict[str, Any]:
    """The values of the fields for these options."""
    return {"per_hour": options.get("per_hour"), "over": written(over_in(options))}


def over_in(options: Mapping[str, Any]) -> timedelta | None:
    """The opening time over which these options smooth."""
    over = options.get("over")
    return None if over is None else timedelta(seconds=over)

"""The forms of a draft: its name, and all that it may say beside its list."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from dispatcher.campaigns.consent import ASK
from dispatcher.campaigns.draft import Draft, checked_options, written_options
from dispatcher.campaigns.others import Named, Rule, only_of, only_written
from dispatcher.contrib.django import dispatcher
from dispatcher.contrib.django.console.reader import language_of
from dispatcher.contrib.django.console.smoothing_form import SmoothingForm, over_in, smoothing_in
from dispatcher.masking import masked
from dispatcher.window.slots import PARIS
from dispatcher.window.territories import TERRITORIES

_SAME = ("sender", "from_number", "survey", "consent", "territory")
_TICKS = ("hand_over", "strict", "check_numbers")


class _Moment(forms.DateTimeField):
    """An instant of Paris, as ``<input type="datetime-local">`` sends it."""

    widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")
    input_formats = ("%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M")


class _Several(forms.Field):
    """Any number of values of a list."""

    widget = forms.SelectMultiple(attrs={"size": 5})

    def to_python(self, value: Any) -> list[str]:
        return list(value or ())


class NameForm(forms.Form):
    """What a draft is called, which cannot be changed, and the account that it goes through."""

    reference = forms.CharField(label=_("Name of the campaign"), max_length=200)
    account = forms.ChoiceField(label=_("Account"), required=False)

    def __init__(self, data: Any = None) -> None:
        super().__init__(data, label_suffix="")
        names = dispatcher.settings.accounts
        if names:
            self.fields["account"].choices = [  # type: ignore[attr-defined]
                ("", _("Default account")),
                *((name, name) for name in names),
            ]
        else:
            del self.fields["account"]


class DraftForm(SmoothingForm):
    """What a draft says, from whom, to whom, and when it may leave."""

    text = forms.CharField(
        label=_("Text"),
        widget=forms.Textarea(attrs={"rows": 5}),
        max_length=2000,
        required=False,
        strip=False,
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
    tags = forms.CharField(label=_("Tags, such as shop-lyon"), max_length=600, required=False)
    priority = forms.ChoiceField(
        label=_("Priority"),
        choices=[("normal", _("normal")), ("high", _("high")), ("low", _("low"))],
        required=False,
    )
    territory = forms.ChoiceField(label=_("Whose clock and holidays count"), required=False)
    consent = forms.CharField(
        label=_("Where the consents come from"), widget=forms.Select, required=False
    )
    from_number = forms.CharField(
        label=_("A long number, in place of a sender"), max_length=20, required=False
    )
    survey = forms.CharField(
        label=_("A survey of the gateway's dashboard, in place of a text"),
        max_length=64,
        required=False,
    )
    hand_over = forms.BooleanField(
        label=_("The gateway holds it until “not before”"), required=False
    )
    check_numbers = forms.BooleanField(
        label=_("The gateway checks the form of each number first"), required=False
    )
    strict = forms.BooleanField(
        label=_("Nothing leaves if a row of the list cannot be texted"), required=False
    )

    except_campaign = _Several(label=_("Leave out the people of"), required=False)
    only_campaign = forms.CharField(
        label=_("Only the people of"), widget=forms.Select, required=False
    )
    only_whom = forms.ChoiceField(
        label=_("and of them"),
        choices=[
            (Rule.TEXTED, _("all whom it has texted")),
            (Rule.DELIVERED, _("those who have received it")),
            (Rule.UNDELIVERED, _("those who could not be reached")),
            (Rule.SILENT, _("those who have not answered")),
        ],
        required=False,
    )

    def __init__(self, request: Any, draft: Draft, data: Any = None) -> None:
        #: by its id, because a reference may hold a number
        self._campaigns = {
            str(number): name for number, name in dispatcher.drafts.nameable(draft).items()
        }
        initial = _initial(draft) | self._named(draft)
        super().__init__(data, label_suffix="", initial=initial)
        self._account = draft.account
        self.over_before = over_in(draft.options)
        self._excepted = tuple(draft.options.get("except_campaign", ()))
        language = language_of(request)
        own = dispatcher.settings.of_account(draft.account)
        self.fields["sender"].widget.attrs["placeholder"] = own.sender or ""
        choices: Any = self.fields
        choices["territory"].choices = [
            ("", _("of each number")),
            *((name, language.word("territory", one.label)) for name, one in TERRITORIES.items()),
        ]
        sources = {"": str(_("nowhere"))}
        if own.consent:
            sources[ASK] = str(_("the application is asked before each batch"))
        for name in draft.columns:
            sources[f"column:{name}"] = str(_("the date in the column “%(name)s”")) % {"name": name}
        for value in (self["consent"].value(), self.initial["consent"]):
            sources.setdefault(value or "", value or "")  # the shell may name more columns
        choices["consent"].widget.choices = list(sources.items())
        names = {value: masked(name) for value, name in self._campaigns.items()}
        for one in ("except_campaign", "only_campaign"):
            value = initial[one]
            for other in value if isinstance(value, list) else filter(None, [value]):
                names.setdefault(other, masked(self._reference(other)))
        choices["except_campaign"].widget.choices = list(names.items())
        everybody = ("", _("everybody on the list"))
        choices["only_campaign"].widget.choices = [everybody, *names.items()]

    @property
    def names_campaigns(self) -> bool:
        """Whether there is a campaign to name, or one is named."""
        return bool(self.fields["except_campaign"].widget.choices)

    @property
    def says(self) -> str:
        """The text, with the line breaks of the browser as one character."""
        return str(self.cleaned_data["text"]).replace("\r\n", "\n")

    @property
    def options(self) -> dict[str, Any]:
        """The options of a draft, all of them."""
        value = self.cleaned_data
        return {
            **{name: value[name] or None for name in _SAME},
            **{name: value[name] for name in _TICKS},
            "account": self._account,
            "not_before": self._aware("not_before"),
            "not_after": self._aware("not_after"),
            "commercial": not value["transactional"],
            "reason": value["reason"] if value["transactional"] else "",
            "priority": value["priority"] or "normal",
            "tags": value["tags"].replace(",", " ").split(),
            "except_campaign": self._except(),
            "only_campaign": self._only(),
            **self.smoothing,
        }

    def is_same(self, draft: Draft) -> bool:
        """Whether the draft says all of this already. Raises InvalidCampaign."""
        chosen = checked_options(self.options)
        if not self._account:
            chosen.pop("account", None)
        try:
            written = written_options(chosen)
        except OverflowError:  # the year 1; whoever saves it is told
            return False
        return self.says == draft.text and written == written_options(draft.options)

    def _except(self) -> list[str]:
        """Those that are named already come first, in their order: a browser has its own."""
        chosen = [self._reference(one) for one in self.cleaned_data["except_campaign"]]
        return [one for one in dict.fromkeys((*self._excepted, *chosen)) if one in chosen]

    def _only(self) -> str | None:
        value = self.cleaned_data
        if not value["only_campaign"]:
            return None
        rule = Rule(value["only_whom"] or Rule.TEXTED)
        return only_written(Named(self._reference(value["only_campaign"]), rule))

    def _reference(self, value: str) -> str:
        """The reference of a campaign as the form names it."""
        return self._campaigns.get(value, value.removeprefix("="))

    def _named(self, draft: Draft) -> dict[str, Any]:
        """The values of the fields that name campaigns; "=" stands before what is no id."""
        ids = {name: number for number, name in self._campaigns.items()}
        excepted = draft.options.get("except_campaign", ())
        found: dict[str, Any] = {
            "except_campaign": [ids.get(name, f"={name}") for name in excepted],
            "only_campaign": "",
        }
        if only := draft.options.get("only_campaign"):
            named = only_of(only)
            name = named.reference
            found |= {"only_campaign": ids.get(name, f"={name}"), "only_whom": named.rule}
        return found

    def _aware(self, name: str) -> Any:
        value = self.cleaned_data[name]
        return value if value is None or timezone.is_aware(value) else timezone.make_aware(value)


def _initial(draft: Draft) -> dict[str, Any]:
    """The values of the fields that show what a draft says."""
    options = dict(draft.options)
    return {
        **{name: options.get(name) or "" for name in _SAME},
        **{name: bool(options.get(name)) for name in _TICKS},
        "text": draft.text,
        "transactional": not options.get("commercial", True),
        "reason": options.get("reason", ""),
        "priority": options.get("priority", "normal"),
        "tags": " ".join(options.get("tags", ())),
        **smoothing_in(options),
        **{
            name: options[name].astimezone(PARIS)
            for name in ("not_before", "not_after")
            if options.get(name)
        },
    }

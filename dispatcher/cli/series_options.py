"""The options of a series, as the shell gives them."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any, TypeVar

import click

from dispatcher.cli.campaign_options import text_of, text_options
from dispatcher.cli.options import list_options, other_campaigns, smoothing
from dispatcher.errors import InvalidCampaign

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_Command = TypeVar("_Command", bound="Callable[..., None]")
_GIVEN = (
    click.option(
        "--since", metavar="DAY", help="The day from which the rule counts (today): 2027-03-26."
    ),
    click.option("--lead", metavar="DURATION", help="How long before its hour one is made (2h)."),
    click.option(
        "--not-after", metavar="DURATION", help="How long after its hour one expires (8h, none)."
    ),
    click.option("--missed", help="What becomes of one that no worker made in time: late or skip."),
    click.option("--account", help="The account it goes through; see DISPATCHER_ACCOUNTS."),
    click.option("--sender", help="3 to 11 letters or digits."),
    click.option("--from-number", help="A long number of the account, in place of a sender."),
    click.option(
        "--transactional",
        is_flag=True,
        help="No advertising: no window, no STOP mention. Needs --why.",
    ),
    click.option("--why", metavar="REASON", help="Why it is no advertising, for the record."),
    click.option("--consent", metavar="SOURCE", help="Where consents come from, as in submit."),
    click.option("--priority", type=click.Choice(["low", "normal", "high"])),
    click.option("--tag", "tags", multiple=True, metavar="TAG", help="A word of yours; up to 10."),
    click.option("--territory", help="The territory whose clock and holidays count."),
    *smoothing,
    *other_campaigns,
    click.option("--strict", is_flag=True, help="Make none if a row is rejected."),
    click.option("--check-numbers", is_flag=True, help="Let the gateway check each number."),
    list_options,
    click.option("--territory-column", help="The column of territories."),
    click.option("--key-column", help="The column of your own keys."),
    click.option("--last-contact-column", help="The column of the dates of last contacts."),
    click.option("--hidden", is_flag=True, help="Text rows that are hidden in their sheet, too."),
    click.option("--phone", help="Of an application's rows: the field of numbers."),
    click.option(
        "--field",
        "fields",
        multiple=True,
        metavar="NAME=FIELD",
        help="Of an application's rows: the field that NAME in the text stands for.",
    ),
    click.option("--territory-field", help="Of an application's rows: the field of territories."),
    click.option("--key", help="Of an application's rows: the field of your own keys."),
)
_OPTIONS = (
    *("account", "sender", "from_number", "consent", "priority", "territory"),
    *("except_campaign", "only_campaign", "per_hour", "over"),
)
_SMOOTHING = "per_hour", "over"
_READING = (
    *("column", "territory_column", "key_column", "last_contact_column", "encoding", "sheet"),
    *("skip_lines", "hidden", "phone", "territory_field", "key"),
)


def series_options(command: _Command) -> _Command:
    """The options of ``values_of``, with those of the text."""
    for option in reversed(_GIVEN):
        command = option(command)
    return text_options(command)


def values_of(params: dict[str, Any]) -> dict[str, Any]:
    """What was given, as ``add`` and ``change`` take it. Raises InvalidCampaign."""
    from dispatcher.campaigns.series_fields import duration_of, expiry_of

    values: dict[str, Any] = {}
    if params["since"]:
        values["since"] = _day(params["since"])
    if params["lead"]:
        values["lead"] = duration_of("--lead", params["lead"])
    if params["not_after"]:
        values["not_after"] = expiry_of("--not-after", params["not_after"])
    if params["missed"]:
        values["missed"] = params["missed"]
    options = {name: params[name] for name in _OPTIONS if params[name] not in (None, "", ())}
    options |= {name: True for name in ("strict", "check_numbers") if params[name]}
    if params["tags"]:
        options["tags"] = params["tags"]
    if params["why"]:
        options["reason"] = params["why"]
    if params["transactional"]:
        options["commercial"] = False
    if options:
        values["options"] = options
    # an empty one is given, too: it takes away what a series has
    reading = {name: params[name] for name in _READING if params[name] not in (None, 0)}
    if params["fields"]:
        reading["fields"] = dict(_pair(one) for one in params["fields"])
    if reading:
        values["reading"] = reading
    return values


def changes_of(params: dict[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """What was given, as ``change`` takes it for a series with ``options``."""
    from dispatcher.campaigns.smoothing import merged

    values = values_of(params)
    if params["text"] is not None or params["text_file"] is not None:
        values["text"] = text_of(params["text"], params["text_file"])
    values |= {one: params[one] for one in ("rule", "source") if params[one]}
    given = values.get("options", {})
    if params["no_smoothing"]:
        if not given.keys().isdisjoint(_SMOOTHING):
            raise click.UsageError("--no-smoothing takes away what --per-hour and --over say")
        given |= dict.fromkeys(_SMOOTHING)
    return values | {"options": merged(options, given)} if given else values


def load_application(receivers: tuple[str, ...]) -> None:
    """Set the application up, as workers do, so that its lists can be read."""
    from dispatcher.dispatch.events import signals

    signals.load(receivers)


def _day(value: str) -> date:
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise InvalidCampaign(f"--since {value!r} is no day: 2027-03-26") from None


def _pair(value: str) -> tuple[str, str]:
    name, equals, field = value.partition("=")
    if not name or not equals or not field:
        raise InvalidCampaign(f"--field {value!r} is no pair: prenom=first_name")
    return name, field

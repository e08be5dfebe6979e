"""The settings of a rehearsal: those of an installation, without its secrets and its addresses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Final

from pydantic import SecretStr

from dispatcher.campaigns.consent import Consent, Person
from dispatcher.settings import Settings

_EVERYBODY: Final = f"{__name__}:everybody"


def own_settings(settings: Settings, folder: Path) -> Settings:
    """The settings with a database of its own, and without secrets and addresses."""
    accounts = {
        name: own.model_copy(update={"api_key": None}) for name, own in settings.accounts.items()
    }
    nothing = dict.fromkeys(
        (
            *("api_key", "broker_url", "broker_ca", "broker_master", "broker_sentinel_password"),
            *("pseudonym_key", "signing_key", "console_key", "web_token", "web_token_old"),
            *("webhook_url", "webhook_secret", "webhook_secret_old"),
            *("callback_url", "callback_secret", "metrics_port"),
        )
    )
    return settings.model_copy(
        update={
            **nothing,
            "accounts": accounts,
            "database_url": SecretStr(f"sqlite:///{folder / 'rehearsal.db'}"),
            "api_url": "http://rehearsal.invalid/v1",
            "consent": _EVERYBODY if settings.consent else None,
            "receivers": (),
            "message_events": False,
            "approval": "off",
            "clock_offset": 0.0,
        }
    )


def everybody(people: Sequence[Person]) -> Mapping[Person, Consent]:
    """In the place of the application: everybody consents."""
    return dict.fromkeys(people, Consent(date(2000, 1, 1), "rehearsal"))

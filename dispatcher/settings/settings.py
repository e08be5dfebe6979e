"""Every setting of the dispatcher, read once at the edge and frozen."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Mapping
from datetime import time
from decimal import Decimal
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails

from dispatcher.errors import ConfigurationError
from dispatcher.recipients.pseudonyms import ring_of
from dispatcher.settings.accounts import (
    DEFAULT,
    Accounts,
    AccountSettings,
    account_names,
    by_account,
    split_account,
    unknown,
)
from dispatcher.settings.broker_address import BrokerAddress, check_url, split
from dispatcher.window.hours import profile_of
from dispatcher.window.territories import TERRITORIES

PREFIX = "DISPATCHER_"
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}
#: days
_SHORTEST_HISTORY = 31
_IN_PATH = re.compile(r"[A-Za-z0-9_-]{16,100}")


def _split_commas(value: object) -> object:
    return [part.strip() for part in value.split(",")] if isinstance(value, str) else value


def _parse_prices(value: object) -> object:
    if not isinstance(value, str):
        return value
    pairs = [part.partition("=") for part in value.split(",") if part.strip()]
    if not all(equals for _, equals, _ in pairs):  # for example a decimal comma
        raise ValueError("write it like metropole=0.045,mayotte=0.06")
    prices = {name.strip(): price.strip() for name, _, price in pairs}
    if len(prices) < len(pairs):
        raise ValueError("a destination is given twice")
    return prices


def _has_one_password(url: str) -> bool:
    scheme, _, rest = url.partition("://")
    if scheme.startswith("sqlite"):  # its path may hold any of these
        return True
    before, _, options = rest.partition("?")
    if scheme.startswith("postgres") and all("=" in option for option in options.split("&")):
        options = ""  # user=me@shop: an @ ends no password there
    after = before[len(split(url).netloc) :]
    return before.count("@") <= 1 and "@" not in after + options


def _named_as_module(name: str) -> str:
    if not all(part.isidentifier() for part in name.split(".")):
        raise ValueError(f"{name!r} is no name of a module; write it like shop.receivers")
    return name


def _named_as_function(name: str) -> str:
    module, _, function = name.partition(":")
    if not all(part.isidentifier() for part in (*module.split("."), function)):
        raise ValueError(f"{name!r} is no name of a function; write it like shop.sms:consents")
    return name


def _long_enough(days: int) -> int:
    # callbacks, long replies and repeated texts read rows of up to a month
    if 0 < days < _SHORTEST_HISTORY:
        raise ValueError(f"must be 0 or at least {_SHORTEST_HISTORY}")
    return days


Prices = Annotated[
    dict[str, Annotated[Decimal, Field(ge=0, le=10, decimal_places=4)]],
    BeforeValidator(_parse_prices),
]
CheckPrice = Annotated[Decimal, Field(gt=0, le=10, decimal_places=4)]
HistoryDays = Annotated[int, Field(ge=0, le=36_500), AfterValidator(_long_enough)]
_Module = Annotated[str, AfterValidator(_named_as_module)]
_Function = Annotated[str, AfterValidator(_named_as_function)]
Modules = Annotated[tuple[_Module, ...], BeforeValidator(_split_commas)]
Names = Annotated[tuple[str, ...], BeforeValidator(_split_commas)]
Seconds = Annotated[tuple[Annotated[int, Field(gt=0)], ...], BeforeValidator(_split_commas)]


class Settings(AccountSettings):
    """How one installation works; every field is the environment variable ``DISPATCHER_<NAME>``.

    A variable ``DISPATCHER_<NAME>_FILE`` names a file that holds the value instead, for secrets.
    Durations are seconds unless the description says otherwise.
    """

    accounts: Accounts = Field(
        {},
        description="names of further accounts, comma-separated; each has its"
        " `DISPATCHER_API_KEY_<NAME>`",
    )
    database_url: SecretStr = Field(
        SecretStr("sqlite:///dispatcher.db"),
        description="SQLAlchemy URL of the database: SQLite (a path without a leading slash is"
        " another file in each folder) or PostgreSQL (`postgresql+psycopg://…`)",
    )
    broker_url: SecretStr | None = Field(
        None,
        description="Redis, Sentinels that watch one"
        " (`sentinel://host:26379;sentinel://host:26379/0`), or RabbitMQ (`amqp://…`), that carries"
        " the hints; unset: `dispatcher run` embeds a Redis",
    )
    broker_ca: str | None = Field(
        None,
        description="file of the CA certificates by which a broker with TLS (`rediss://`,"
        " `amqps://`) is verified; unset: the system's; with `sentinel://` it also turns TLS on",
    )
    broker_master: str | None = Field(
        None, description="name of the master that the Sentinels of the broker watch"
    )
    broker_sentinel_password: SecretStr | None = Field(
        None, description="password of the Sentinels themselves; that of Redis is in the URL"
    )
    api_url: str = Field(
        "https://api.smspartner.fr/v1", description="the gateway; https, or http on loopback"
    )
    window_clock: Literal["both", "recipient", "paris"] = Field(
        "both", description="whose clock must be open: `both`, `recipient` or `paris`"
    )
    window_profile: Literal["default", "strict"] = Field(
        "default", description="opening hours: `default` Mon–Sat 08–20, `strict` shorter"
    )
    window_opens: time = Field(
        time(8), description="opening hour of the `default` profile, local; not before 08:00"
    )
    window_closes: time = Field(
        time(20), description="closing hour of the `default` profile, local; not after 21:30"
    )
    closing_guard: int = Field(
        60,
        ge=0,
        le=3600,
        description="no batch leaves within this time before closing; ≥ `call_timeout` + 5",
    )
    reports_within: int = Field(
        259_200,
        gt=0,
        description="a message that has no final report after this time is unreported",
    )
    poll_intervals: Seconds = Field(
        (10, 30, 120, 600, 3600, 7200, 14_400, 28_800),
        min_length=1,
        description="waits between polls for the reports of a batch, comma-separated; the last"
        " one repeats",
    )
    settle_intervals: Seconds = Field(
        (15, 30, 60, 120, 300, 600, 1800, 3600),
        min_length=1,
        description="waits between lookups of a batch in doubt, comma-separated; the last one"
        " repeats",
    )
    stop_list_every: int = Field(
        3600, ge=60, description="interval of reading the gateway's STOP list into the opt-outs"
    )
    stop_list_max_age: int = Field(
        86_400,
        ge=0,
        description="commercial campaigns wait if the STOP list was last read longer ago than"
        " this; more than `stop_list_every`; 0: they never wait",
    )
    single_send: bool = Field(
        False,
        description="send a batch whose texts are all equal by `/send`, which makes a shorter"
        " request",
    )
    stop_list_push: bool = Field(False, description="add opt-outs to the gateway's STOP list, too")
    credit_check: Literal["off", "pause", "cap"] = Field(
        "pause",
        description="if the balance cannot pay for a whole campaign: `pause` it before its first"
        " batch, `cap`: send what the balance pays for, `off`: do not check",
    )
    credit_every: int = Field(
        60, ge=5, description="interval of reading the balance while a campaign runs"
    )
    call_timeout: float = Field(
        30,
        gt=0,
        le=300,
        description="longest duration of a call to the gateway, connecting included",
    )
    connect_timeout: float = Field(5, gt=0, le=60, description="longest duration of connecting")
    lease: float = Field(
        90,
        gt=0,
        description="a batch that is still `sending` after this time has lost its worker;"
        " ≥ `call_timeout` + 5",
    )
    refusal_limit: int = Field(
        3,
        ge=0,
        le=1000,
        description="a campaign pauses when this many of its calls in a row are refused for the"
        " same reason, each for all whom it carried; `resume` sends to them again, and whoever is"
        " then refused alone again stays rejected; 0: it never pauses for that",
    )
    tick: float = Field(2, ge=0.2, le=60, description="interval of the beat tick")
    connections: int = Field(
        8, ge=1, le=64, description="sending threads of one worker process, each with a connection"
    )
    stop_budget: int = Field(
        14, ge=0, le=40, description="characters reserved for the STOP mention of a commercial SMS"
    )
    prices: Prices = Field(
        {},
        description="euros a segment by destination: `metropole=0.045,mayotte=0.06,foreign=0.09`",
    )
    weekly_messages: int | None = Field(
        None,
        ge=1,
        le=1000,
        description="cap of commercial messages to one person in 7 days; further ones are rejected",
    )
    unreachable_after: int | None = Field(
        None,
        ge=1,
        le=100,
        description="undelivered reports in a row after which commercial campaigns do not"
        " text a number",
    )
    unreachable_campaigns: int | None = Field(
        None,
        ge=1,
        le=100,
        description="these reports are of so many last campaigns with the number at most; by"
        " default as many as `unreachable_after`",
    )
    repeat_days: int = Field(
        7,
        ge=0,
        le=366,
        description="days within which a text should not go to a person twice; 0: no check",
    )
    repeat_mode: Literal["warn", "block"] = Field(
        "warn",
        description="if a text is repeated within `repeat_days`: the plan says so, or `block`:"
        " refuse it",
    )
    checks_mode: Literal["reject", "warn", "off"] = Field(
        "reject",
        description="if a check found a number out of service: `reject` it, `warn` in the plan, or"
        " `off`: ignore the check",
    )
    checks_days: int = Field(
        30,
        ge=1,
        le=366,
        description="days for which the result of a number check is valid; until then no new"
        " one is ordered",
    )
    check_price: CheckPrice = Field(
        Decimal("0.005"),
        description="euros that one check of a network (`/hlr/notify`) is reckoned to cost",
    )
    history_days: HistoryDays = Field(
        365, description="days for which events, replies and number checks are stored; 0: for ever"
    )
    recipient_days: HistoryDays = Field(
        365,
        description="days after a campaign's end until pseudonyms take the place of its recipients,"
        " and their fields go; 0: never",
    )
    text_days: HistoryDays = Field(
        0, description="days after a campaign's end until its text is deleted; 0: never"
    )
    approval: Literal["off", "required"] = Field(
        "off",
        description="`required`: a campaign is written as a draft, and runs only after somebody who"
        " has written none of it has approved its plan; `submit` is refused",
    )
    draft_days: int = Field(
        30,
        ge=0,
        le=36_500,
        description="days after its last change until a draft is deleted with its list; 0: never",
    )
    tests_a_day: int = Field(
        50, ge=0, le=1000, description="test messages to testers in one day; 0: none"
    )
    pseudonym_key: SecretStr | None = Field(
        None,
        description="key of the pseudonyms of erased people; a secret, ≥ 32 characters; several"
        " keys one a line, the newest first; unset: with SQLite a file beside the database",
    )
    signing_key: SecretStr | None = Field(
        None,
        min_length=32,
        description="key that signs the evidence of campaigns; a secret, ≥ 32 characters; unset:"
        " with SQLite a file beside the database",
    )
    console_key: SecretStr | None = Field(
        None,
        min_length=32,
        description="key that signs the sessions of `dispatcher console`; a secret, ≥ 32"
        " characters; unset: with SQLite a file beside the database, else one that a restart"
        " changes, which signs everybody out",
    )
    language: Literal["en", "fr"] | None = Field(
        None,
        description="language of what commands say to people: `en` or `fr`; unset: French if"
        " `LC_ALL`, `LC_MESSAGES` or `LANG` is, else English; JSON and logs stay English",
    )
    log_format: Literal["text", "json"] = Field(
        "text",
        description="format of the log of workers, beats and `dispatcher run`: `text` or `json`",
    )
    metrics_port: int | None = Field(
        None,
        ge=1,
        le=65_535,
        description="port on which a worker serves `/metrics`, `/healthz` and `/readyz`; unset:"
        " none",
    )
    metrics_host: str = Field(
        "127.0.0.1", description="address on which a worker serves them; `0.0.0.0` in a container"
    )
    web_token: SecretStr | None = Field(
        None,
        min_length=16,
        description="token of the JSON API and password of the pages in Flask; a secret, ≥ 16"
        " characters",
    )
    web_token_old: SecretStr | None = Field(
        None,
        min_length=16,
        description="the web token before this one, which is valid, too, while you replace it",
    )
    webhook_url: str | None = Field(
        None,
        max_length=300,
        description="URL under which the gateway reaches the webhooks; unset: it posts nothing",
    )
    webhook_secret: SecretStr | None = Field(
        None,
        description="part of the address of the webhooks; a secret, ≥ 16 letters, digits, `-`"
        " or `_`",
    )
    webhook_secret_old: SecretStr | None = Field(
        None,
        description="the webhook secret before this one, which is valid, too, while you replace it",
    )
    stop_storm: int = Field(
        50,
        ge=0,
        le=100_000,
        description="an alarm when this many STOPs for numbers that were never texted came to the"
        " webhooks within 24 hours; 0: none",
    )
    callback_url: str | None = Field(
        None,
        max_length=300,
        description="URL to which events are posted; https, or http on loopback",
    )
    callback_secret: SecretStr | None = Field(
        None,
        min_length=16,
        description="key that signs the posted events; a secret, ≥ 16 characters",
    )
    message_events: bool = Field(
        False,
        description="record each change of the state of a message, to be read in pages and posted"
        " as events; workers switch it on or off when they start",
    )
    consent: _Function | None = Field(
        None,
        description="function of yours that knows who consents, `module:function`; workers call it"
        " before a batch leaves whose campaign asks for that",
    )
    consent_timeout: float = Field(
        10, gt=0, le=30, description="longest duration of a call of that function"
    )
    consent_required: bool = Field(
        False, description="refuse commercial campaigns that name no source of consents"
    )
    series_lists: Names = Field(
        (),
        description="lists that the JSON API and the console may name for a series,"
        " comma-separated: whole paths of files, or `module:name` in the application",
    )
    receivers: Modules = Field(
        (),
        description="modules that workers import, comma-separated: they connect to the signals"
        " of `dispatcher`",
    )
    clock_offset: float = Field(
        0,
        description="seconds that every clock is shifted by, for trials; refused unless the"
        " gateway is"
        " on loopback",
    )

    @classmethod
    def from_env(cls, environ: Mapping[str, Any] = os.environ) -> Self:
        """Read the settings from ``DISPATCHER_*`` variables; an empty value counts as unset.

        Raises ConfigurationError naming the variable that is wrong or unknown.
        """
        values: dict[str, Any] = {}
        for variable, value in environ.items():
            if not variable.startswith(PREFIX) or value is None or value == "":
                continue
            name = variable.removeprefix(PREFIX).lower()
            if name.endswith("_file"):
                name, value = name.removesuffix("_file"), _content(variable, value)
                if environ.get(f"{PREFIX}{name.upper()}"):
                    raise ConfigurationError(f"set {PREFIX}{name.upper()} or {variable}, not both")
            if name not in cls.model_fields and split_account(name) is None:
                raise ConfigurationError(f"unknown setting {variable}{_meant(name)}")
            if value != "":
                values[name] = value
        names = account_names(values.get("accounts"))
        for name in values.keys() - cls.model_fields.keys():
            if (own := split_account(name)) is not None and own[1] not in names:
                raise ConfigurationError(
                    f"unknown setting {PREFIX}{name.upper()}: {PREFIX}ACCOUNTS does not name"
                    f" {own[1]}"
                )
        return cls.of(**values)

    @classmethod
    def of(cls, **values: Any) -> Self:
        """Settings from plain values. Raises ConfigurationError naming what is wrong."""
        try:
            return cls(**values)
        except ValidationError as error:
            raise ConfigurationError(_sentences(error)[0]) from None

    @classmethod
    def problems(cls, **values: Any) -> list[str]:
        """A sentence for each of these plain values that is wrong or unknown."""
        try:
            cls(**values)
        except ValidationError as error:
            return _sentences(error)
        return []

    def of_account(self, name: str) -> Self:
        """The settings of one account; the empty name is the default account.

        It shares what it does not set itself, except the key. Raises InvalidCampaign for an
        unknown name.
        """
        if name == DEFAULT:
            return self
        if name not in self.accounts:
            raise unknown(name, self.accounts)
        own = self.accounts[name]
        values = {field: getattr(own, field) for field in own.model_fields_set}
        if own.sender or own.from_number:  # an account that sets one has no other
            values = {"sender": None, "from_number": None, **values}
        return self.model_copy(update={"api_key": None, **values})

    @model_validator(mode="before")
    @classmethod
    def _by_account(cls, values: Any) -> Any:
        return by_account(values) if isinstance(values, dict) else values

    @field_validator("pseudonym_key")
    @classmethod
    def _ring(cls, keys: SecretStr | None) -> SecretStr | None:
        if keys is not None:
            ring_of(keys.get_secret_value())
        return keys

    @field_validator("web_token", "web_token_old")
    @classmethod
    def _web_token(cls, token: SecretStr | None) -> SecretStr | None:
        plain = token.get_secret_value() if token else ""
        if not plain.isascii() or any(not "!" <= character <= "~" for character in plain):
            raise ValueError("must be ASCII without spaces: it goes into a header")
        return token

    @field_validator("api_url", "webhook_url", "callback_url")
    @classmethod
    def _safe_url(cls, url: str | None) -> str | None:
        if url is None:
            return None
        # urlsplit drops line breaks and tabs in silence
        if not url.isprintable() or " " in url:
            raise ValueError("must hold no blank and no control character")
        parts = split(url)
        try:
            _ = parts.port
        except ValueError:
            raise ValueError("must have a port from 1 to 65535, if any") from None
        if parts.username or parts.password or "?" in url or "#" in url:
            raise ValueError("must hold no user, password, query or fragment")
        if parts.scheme == "https" and parts.hostname:
            return url.rstrip("/")
        if parts.scheme == "http" and parts.hostname in _LOOPBACK:
            return url.rstrip("/")
        raise ValueError("must be an https URL (http only on loopback)")

    @field_validator("broker_url")
    @classmethod
    def _known_broker(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None:
            check_url(url.get_secret_value())
        return url

    @field_validator("database_url", "broker_url")
    @classmethod
    def _plain_url(cls, url: SecretStr | None) -> SecretStr | None:
        plain = url.get_secret_value() if url else ""
        if any(unicodedata.category(char) == "Cc" for char in plain):
            raise ValueError("must hold no control character")
        # of several, each is a URL: a password cut in two would be taken for a host, and be printed
        if not all(map(_has_one_password, plain.split(";"))):
            raise ValueError(
                "a password with @, /, :, ? or # in it must be written with %40, %2F, %3A, %3F and"
                " %23"
            )
        return url

    @property
    def broker(self) -> BrokerAddress | None:
        """The address of the broker; None if there is none."""
        if self.broker_url is None:
            return None
        password = self.broker_sentinel_password
        return BrokerAddress(
            self.broker_url.get_secret_value(),
            self.broker_ca or "",
            self.broker_master or "",
            password.get_secret_value() if password else "",
        )

    @field_validator("prices")
    @classmethod
    def _destinations(cls, prices: dict[str, Decimal]) -> dict[str, Decimal]:
        for name in prices:
            if name != "foreign" and name not in TERRITORIES:
                raise ValueError(f"unknown destination {name!r}: a territory, or foreign")
        return prices

    @field_validator("webhook_secret", "webhook_secret_old")
    @classmethod
    def _in_path(cls, secret: SecretStr | None) -> SecretStr | None:
        if secret is not None and not _IN_PATH.fullmatch(secret.get_secret_value()):
            raise ValueError("must be 16 to 100 letters without accents, digits, - or _")
        return secret

    @model_validator(mode="after")
    def _together(self) -> Self:
        if self.broker is not None and self.broker.is_sentinel and not self.broker_master:
            raise ValueError(
                f"{PREFIX}BROKER_URL names Sentinels: {PREFIX}BROKER_MASTER must name the master"
                " that they watch"
            )
        if self.broker_ca and not Path(self.broker_ca).is_file():
            raise ValueError(f"{PREFIX}BROKER_CA names no file")
        if self.clock_offset and urlsplit(self.api_url).hostname not in _LOOPBACK:
            raise ValueError(f"{PREFIX}CLOCK_OFFSET is refused unless the gateway is on loopback")
        try:
            profile_of(self.window_profile, self.window_opens, self.window_closes)
        except ConfigurationError as error:
            raise ValueError(f"{PREFIX}WINDOW_OPENS, {PREFIX}WINDOW_CLOSES: {error}") from None
        each: dict[str, AccountSettings] = {DEFAULT: self, **self.accounts}
        for name, own in each.items():
            self._check_account(f"_{name.upper()}" if name else "", own)
        if self.callback_url and self.callback_secret is None:
            raise ValueError(
                f"{PREFIX}CALLBACK_URL needs {PREFIX}CALLBACK_SECRET, which signs the events"
            )
        if self.webhook_url and self.webhook_secret is None:
            raise ValueError(
                f"{PREFIX}WEBHOOK_URL needs {PREFIX}WEBHOOK_SECRET, which is part of the address"
            )
        if self.closing_guard < self.call_timeout + 5:
            # a call that begins at the last moment ends before the window does
            raise ValueError(f"{PREFIX}CLOSING_GUARD must be at least {PREFIX}CALL_TIMEOUT + 5 s")
        if 0 < self.stop_list_max_age <= self.stop_list_every:
            raise ValueError(f"{PREFIX}STOP_LIST_MAX_AGE must exceed {PREFIX}STOP_LIST_EVERY, or 0")
        if self.lease < self.call_timeout + 5:
            raise ValueError(f"{PREFIX}LEASE must be at least {PREFIX}CALL_TIMEOUT + 5 s")
        if self.unreachable_campaigns and self.unreachable_campaigns < (
            self.unreachable_after or self.unreachable_campaigns + 1
        ):
            # a campaign texts a number once: fewer campaigns never have as many reports
            raise ValueError(
                f"{PREFIX}UNREACHABLE_CAMPAIGNS needs {PREFIX}UNREACHABLE_AFTER, and must be at"
                " least as large"
            )
        return self

    def _check_account(self, suffix: str, own: AccountSettings) -> None:
        """Raise ValueError for settings of one account; its variables end in ``suffix``."""
        for field in ("campaign_euros", "daily_euros"):
            if getattr(own, field) is not None and not self.prices:
                raise ValueError(f"{PREFIX}{field.upper()}{suffix} needs {PREFIX}PRICES")
        if own.sender and own.from_number:
            both = f"{PREFIX}SENDER{suffix} or {PREFIX}FROM_NUMBER{suffix}"
            raise ValueError(f"set {both}, not both")
        others = [it.api_key for it in (self, *self.accounts.values()) if it is not own]
        if suffix and own.api_key is not None and own.api_key in others:
            # the rate, the caps and the balance would count twice
            raise ValueError(f"{PREFIX}API_KEY{suffix} is the key of another account, too")


def _content(variable: str, path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except TypeError:
        raise ConfigurationError(f"{variable} cannot be read: it is not a path") from None
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConfigurationError(f"{variable} cannot be read: {reason}") from None


def _meant(name: str) -> str:
    """A question for the setting whose name is nearest, if one is near."""
    known = get_close_matches(name.removeprefix(PREFIX.lower()), Settings.model_fields, 1, 0.75)
    return f": did you mean {PREFIX}{known[0].upper()}?" if known else ""


def _sentences(error: ValidationError) -> list[str]:
    details = error.errors(include_url=False, include_context=False, include_input=False)
    return [_sentence(each) for each in details]


def _sentence(error: ErrorDetails) -> str:
    message = error["msg"].removeprefix("Value error, ")
    if not error["loc"]:
        return message
    name = str(error["loc"][0])
    if error["type"] == "extra_forbidden" and len(error["loc"]) == 1:
        return f"unknown setting {name!r}{_meant(name)}"
    if name == "accounts" and len(error["loc"]) > 2:
        account, field = error["loc"][1:3]
        if error["type"] == "extra_forbidden":
            return f"unknown setting '{field}_{account}'"
        return f"{PREFIX}{field}_{account}".upper() + f": {message[:1].lower()}{message[1:]}"
    # names the price that is wrong among several
    within = "".join(f"{key}: " for key in error["loc"][1:2] if isinstance(key, str))
    return f"{PREFIX}{name.upper()}: {within}{message[:1].lower()}{message[1:]}"

from __future__ import annotations

import copy
import json
import os
import pickle
from datetime import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from dispatcher.errors import ConfigurationError
from dispatcher.settings import Settings
from dispatcher.settings.accounts import AccountSettings

KEY = "0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c"
TOKEN = "b7e4c1d2a9f80635"
DATABASE = "postgresql+psycopg://app:hunter2@db.example/app"
SECRET = "q8Zr4-Tn0_Vb6Hs2Lk"
KEY = "a-key-of-at-least-32-characters-0"
BROKER = "redis://:hunter3@redis.example:6379/4"

# field -> (as written in the environment, as read)
WRITTEN: dict[str, tuple[str, Any]] = {
    "accounts": ("shop, news", {"shop": AccountSettings(), "news": AccountSettings()}),
    "database_url": (DATABASE, DATABASE),
    "broker_url": (BROKER, BROKER),
    "broker_ca": (__file__, __file__),
    "broker_master": ("sms", "sms"),
    "broker_sentinel_password": ("hunter4", "hunter4"),
    "api_url": ("http://127.0.0.1:8025/v1", "http://127.0.0.1:8025/v1"),
    "api_key": (KEY, KEY),
    "sender": ("MaBoutique", "MaBoutique"),
    "from_number": ("06 39 98 88 88", "+33639988888"),
    "window_clock": ("paris", "paris"),
    "window_profile": ("strict", "strict"),
    # those of the profile, which has its own
    "window_opens": ("08:00", time(8)),
    "window_closes": ("20:00", time(20)),
    "stop_list_every": ("600", 600),
    "stop_list_max_age": ("7200", 7200),
    "single_send": ("true", True),
    "stop_list_push": ("true", True),
    "credit_check": ("cap", "cap"),
    "credit_every": ("30", 30),
    "closing_guard": ("120", 120),
    "reports_within": ("3600", 3600),
    "poll_intervals": ("5, 10,20", (5, 10, 20)),
    "settle_intervals": ("7", (7,)),
    "call_timeout": ("12.5", 12.5),
    "connect_timeout": ("1.5", 1.5),
    "lease": ("45", 45.0),
    "doubt_limit": ("2", 2),
    "refusal_limit": ("2", 2),
    "tick": ("0.5", 0.5),
    "connections": ("3", 3),
    "stop_budget": ("0", 0),
    "unicode": ("false", False),
    "rate": ("2.5", 2.5),
    "prices": (
        "metropole=0.045, la-reunion = 0.06,foreign=0.09",
        {"metropole": Decimal("0.045"), "la-reunion": Decimal("0.06"), "foreign": Decimal("0.09")},
    ),
    "campaign_recipients": ("50000", 50_000),
    "campaign_euros": ("2500.50", Decimal("2500.50")),
    "daily_recipients": ("100000", 100_000),
    "daily_euros": ("4000", Decimal(4000)),
    "weekly_messages": ("2", 2),
    "unreachable_after": ("3", 3),
    "unreachable_campaigns": ("5", 5),
    "repeat_days": ("14", 14),
    "repeat_mode": ("block", "block"),
    "checks_mode": ("warn", "warn"),
    "checks_days": ("90", 90),
    "check_price": ("0.0075", Decimal("0.0075")),
    "history_days": ("90", 90),
    "recipient_days": ("90", 90),
    "text_days": ("90", 90),
    "approval": ("required", "required"),
    "draft_days": ("90", 90),
    "tests_a_day": ("9", 9),
    "log_format": ("json", "json"),
    "metrics_port": ("9808", 9808),
    "metrics_host": ("0.0.0.0", "0.0.0.0"),
    "web_token": (TOKEN, TOKEN),
    "web_token_old": (TOKEN, TOKEN),
    "webhook_url": ("https://shop.example/sms/", "https://shop.example/sms"),
    "pseudonym_key": (KEY, KEY),
    "signing_key": (KEY, KEY),
    "console_key": (KEY, KEY),
    "language": ("fr", "fr"),
    "consent": ("shop.sms:consents", "shop.sms:consents"),
    "consent_timeout": ("5", 5.0),
    "consent_required": ("true", True),
    "webhook_secret": (SECRET, SECRET),
    "webhook_secret_old": (SECRET, SECRET),
    "stop_storm": ("7", 7),
    "callback_url": ("http://127.0.0.1:9000/sms", "http://127.0.0.1:9000/sms"),
    "callback_secret": (SECRET, SECRET),
    "message_events": ("true", True),
    "series_lists": ("shop.sms:fridays, /srv/a.csv", ("shop.sms:fridays", "/srv/a.csv")),
    "receivers": ("shop.receivers, shop.mails", ("shop.receivers", "shop.mails")),
    "clock_offset": ("-3600", -3600.0),
}
_PRICED = {"DISPATCHER_PRICES": "metropole=0.045"}
#: field -> what it needs beside it
NEEDS = {
    "clock_offset": {"DISPATCHER_API_URL": "http://localhost:1"},
    "campaign_euros": _PRICED,
    "unreachable_campaigns": {"DISPATCHER_UNREACHABLE_AFTER": "3"},
    "daily_euros": _PRICED,
    "webhook_url": {"DISPATCHER_WEBHOOK_SECRET": SECRET},
    "callback_url": {"DISPATCHER_CALLBACK_SECRET": SECRET},
}


def test_default_profile_accepts_other_hours_within_the_charter() -> None:
    settings = Settings.from_env({"DISPATCHER_WINDOW_CLOSES": "21:30"})
    assert settings.window_closes == time(21, 30)
    for value in ("22:30", "07:00", "quarter past"):
        with pytest.raises(ConfigurationError, match="DISPATCHER_WINDOW_CLOSES"):
            Settings.from_env({"DISPATCHER_WINDOW_CLOSES": value})


def plain(value: object) -> object:
    return value.get_secret_value() if isinstance(value, SecretStr) else value


def refused(variable: str, value: str, **others: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        Settings.from_env({variable: value, **others})
    return str(caught.value)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("memory://", "the scheme memory:// is not supported: use one of redis, rediss, "),
        ("redis+cluster://hunter2@host", "the scheme redis+cluster:// is not supported: a Redis"),
        ("redis+sentinel://hunter2@host", "the scheme redis+sentinel:// is not supported"),
        ("filesystem://", "the scheme filesystem:// is not supported"),
        ("sqs://hunter2@", "the scheme sqs:// is not supported"),
        ("REDIS://host", "the scheme REDIS:// is not supported"),
        ("hun ter2://host", "the scheme is not supported"),
        ("127.0.0.1:6379", "has no scheme: write redis://host:6379/0"),
        ("hunter2:6379", "has no scheme: write redis://host:6379/0"),
        ("redis:/host", "has no scheme: write redis://host:6379/0"),
        ("redis://:hunter2/x@host:6379", "must have a port from 1 to 65535, if any; /, # and ?"),
        ("redis://host/none", "its database is no number, as in /0"),
        ("redis://h1:1/0;redis://h2:1/0", "names several Redis: write one, or the Sentinels that"),
        ("redis://host;amqp://host", "names URLs of several schemes"),
        ("sentinel://h1:26379,h2:26379/0", "names several hosts in one URL: write sentinel://"),
        ("sentinel://h1:26379;h2:26379/0", "has no scheme: write redis://host:6379/0, or amqp"),
        ("sentinel://h1/0;sentinel://h2/1", "its URLs differ in path, which is that of the Redis"),
        ("sentinel://:hunter2@h1;sentinel://:hunter3@h2", "its URLs differ in password"),
        ("redis://host/0?socket_timeout=hunter2", "its option 'socket_timeout' after the ? is"),
        ("rediss://host/0?ssl_cert_reqs=none", "its ssl_cert_reqs would verify no certificate"),
        ("amqps://host/?ssl_cert_reqs=CERT_NONE", "its ssl_cert_reqs would verify no certificate"),
        ("redis://host:99999", "must have a port from 1 to 65535, if any; /, # and ?"),
        ("redis+socket://run/hunter2.sock", "a socket has three slashes before it"),
    ],
)
def test_broker_that_is_not_supported_is_refused_by_name(url: str, says: str) -> None:
    sentence = refused("DISPATCHER_BROKER_URL", url)
    assert sentence.startswith(f"DISPATCHER_BROKER_URL: {says}")
    assert "hunter2" not in sentence


@pytest.mark.parametrize(
    "url",
    [
        "redis://host",
        "rediss://:secret@host:6380/3",
        "redis+socket:///run/redis.sock",
        "amqp://me:secret@host:5672//",
        "amqps://host",
        "pyamqp://host",
    ],
)
def test_supported_broker_is_accepted(url: str) -> None:
    settings = Settings.from_env({"DISPATCHER_BROKER_URL": url})
    assert plain(settings.broker_url) == url


def test_sentinels_need_the_name_of_their_master() -> None:
    url = "sentinel://h1:26379;sentinel://:hunter2@h2/1"
    sentence = refused("DISPATCHER_BROKER_URL", url)
    assert sentence.startswith("DISPATCHER_BROKER_URL names Sentinels: DISPATCHER_BROKER_MASTER")
    assert Settings.problems(broker_url=url, broker_master="sms") == []


def test_missing_file_of_the_ca_is_named() -> None:
    sentence = refused("DISPATCHER_BROKER_CA", "/nowhere/ca.pem")
    assert sentence == "DISPATCHER_BROKER_CA names no file"


def test_table_above_has_every_setting() -> None:
    assert set(WRITTEN) == set(Settings.model_fields)


@pytest.mark.parametrize("name", WRITTEN)
def test_each_setting_comes_from_its_variable(name: str) -> None:
    written, expected = WRITTEN[name]
    settings = Settings.from_env({**NEEDS.get(name, {}), f"DISPATCHER_{name.upper()}": written})
    assert plain(getattr(settings, name)) == expected


@pytest.mark.parametrize("name", WRITTEN)
def test_each_setting_comes_from_a_file(name: str, tmp_path: Path) -> None:
    written, expected = WRITTEN[name]
    path = tmp_path / "value"
    path.write_text(f"{written}\n", encoding="utf-8")
    variables = {**NEEDS.get(name, {}), f"DISPATCHER_{name.upper()}_FILE": str(path)}
    settings = Settings.from_env(variables)
    assert plain(getattr(settings, name)) == expected


def test_all_variables_together_set_all_fields() -> None:
    # a campaign leaves from a sender or from a number
    together = {name: both for name, both in WRITTEN.items() if name != "from_number"}
    settings = Settings.from_env({f"DISPATCHER_{n.upper()}": w for n, (w, _) in together.items()})
    assert {name: plain(getattr(settings, name)) for name in together} == {
        name: expected for name, (_, expected) in together.items()
    }


def test_sender_beside_a_long_number_raises() -> None:
    message = refused("DISPATCHER_FROM_NUMBER", "+33639988888", DISPATCHER_SENDER="MaBoutique")
    assert message == "set DISPATCHER_SENDER or DISPATCHER_FROM_NUMBER, not both"


def test_no_variables_give_the_defaults() -> None:
    settings = Settings.from_env({})
    assert settings.api_url == "https://api.smspartner.fr/v1"
    assert settings.database_url.get_secret_value().startswith("sqlite:")
    assert settings.api_key is None
    assert settings.broker_url is None
    assert settings.sender is None
    assert settings.window_clock == "both"
    assert settings.clock_offset == 0


@pytest.mark.parametrize("name", WRITTEN)
def test_empty_variable_counts_as_unset(name: str) -> None:
    settings = Settings.from_env({f"DISPATCHER_{name.upper()}": ""})
    assert settings == Settings.from_env({})


def test_variables_of_other_programs_are_ignored() -> None:
    assert Settings.from_env({"PATH": "/bin", "API_KEY": KEY}) == Settings.from_env({})


def test_real_environment_is_read_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in [name for name in os.environ if name.startswith("DISPATCHER_")]:
        monkeypatch.delenv(variable)
    monkeypatch.setenv("DISPATCHER_SENDER", "Test")
    assert Settings.from_env().sender == "Test"


# -- wrong values -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("api_url", "ftp://api.example"),
        ("api_url", "http://api.example/v1"),
        ("api_url", "http://localhost.example/v1"),
        ("api_url", "http://10.0.0.1/v1"),
        ("api_url", "api.example/v1"),
        ("api_url", "https://"),
        ("api_url", "https://me:pass@api.example/v1"),
        ("api_url", "https://api.example/v1?apiKey=1"),
        ("api_url", "https://api.example/v1#part"),
        ("api_url", "https://[api.example"),
        ("web_token", "fifteen-letters"),
        ("web_token", "sixteen letters and a space"),
        ("web_token", "des-caractères-accentués"),
        ("sender", "ab"),
        ("sender", "twelve letters"),
        ("sender", "Ma Boutique"),
        ("sender", "Café"),
        ("sender", "abcdefghijkl"),
        ("window_clock", "London"),
        ("window_profile", "lax"),
        ("closing_guard", "-1"),
        ("closing_guard", "3601"),
        ("closing_guard", "soon"),
        ("reports_within", "0"),
        ("poll_intervals", "10,,20"),
        ("poll_intervals", "10,0"),
        ("poll_intervals", ","),
        ("poll_intervals", "10;20"),
        ("settle_intervals", "-5"),
        ("settle_intervals", "never"),
        ("call_timeout", "0"),
        ("call_timeout", "301"),
        ("call_timeout", "nan"),
        ("call_timeout", "inf"),
        ("connect_timeout", "0"),
        ("connect_timeout", "61"),
        ("lease", "0"),
        ("lease", "nan"),
        ("lease", "34.9"),
        ("stop_list_max_age", "-1"),
        ("stop_list_max_age", "3600"),
        ("doubt_limit", "0"),
        ("refusal_limit", "-1"),
        ("tick", "0.1"),
        ("tick", "61"),
        ("connections", "0"),
        ("connections", "65"),
        ("connections", "2.5"),
        ("stop_budget", "-1"),
        ("stop_budget", "41"),
        ("rate", "0"),
        ("rate", "fast"),
        ("prices", "metropole"),
        ("prices", "metropole=free"),
        ("prices", "metropole=-0.01"),
        ("prices", "metropole=11"),
        ("prices", "metropole=nan"),
        ("prices", "metropole=0.045,Atlantis=0.05"),
        ("prices", "=0.05"),
        pytest.param(
            "prices",
            "metropole=0.045,metropole=0.4",
        ),
        ("log_format", "xml"),
        ("from_number", "MaBoutique"),
        ("metrics_port", "0"),
        ("metrics_port", "65536"),
        ("metrics_port", "http"),
        ("webhook_url", "http://shop.example"),
        ("webhook_url", "https://shop.example/?a=1"),
        ("webhook_url", "https://shop.example/" + 300 * "a"),
        ("webhook_url", "https://shop.example"),  # without a secret
        ("callback_url", "http://shop.example"),
        ("callback_url", "https://shop.example"),  # without a secret
        ("callback_secret", "too-short"),
        ("receivers", "shop receivers"),
        ("receivers", "shop;rm"),
        ("receivers", "shop..receivers"),
        ("webhook_secret", "too-short"),
        ("webhook_secret", "with/a/slash/in/its/middle"),
        ("webhook_secret", 101 * "a"),
        ("clock_offset", "yesterday"),
        ("clock_offset", "60"),
    ],
)
def test_wrong_value_is_refused_and_its_variable_named(name: str, value: str) -> None:
    message = refused(f"DISPATCHER_{name.upper()}", value)
    assert f"DISPATCHER_{name.upper()}" in message
    assert "\n" not in message
    assert "pydantic" not in message


@pytest.mark.parametrize("name", ["shop.sms", "shop..sms:consents", "shop:1", "shop:a:b", ":a"])
def test_consent_that_names_no_function_is_refused_in_plain_words(name: str) -> None:
    assert refused("DISPATCHER_CONSENT", name).endswith(
        f"{name!r} is no name of a function; write it like shop.sms:consents"
    )


@pytest.mark.parametrize("name", ["a..b", "shop receivers", "1shop", "shop.", "shop-mails"])
def test_receivers_that_name_no_module_are_refused_in_plain_words(name: str) -> None:
    assert refused("DISPATCHER_RECEIVERS", f"shop.mails, {name}").endswith(
        f"{name!r} is no name of a module; write it like shop.receivers"
    )


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("DISPATCHER_API_URL", f"http://{KEY}/v1"),
        ("DISPATCHER_API_URL", f"https://api.example/v1?apiKey={KEY}"),
        ("DISPATCHER_WINDOW_CLOCK", KEY),
        ("DISPATCHER_CLOSING_GUARD", KEY),
        ("DISPATCHER_POLL_INTERVALS", f"10,{KEY}"),
        ("DISPATCHER_CALL_TIMEOUT", KEY),
        ("DISPATCHER_API_KEY_FILE", f"/nowhere/{KEY}"),
        ("DISPATCHER_APIKEY", KEY),
        ("DISPATCHER_PRICES", KEY),
        pytest.param(
            "DISPATCHER_SENDER",
            KEY,
        ),
    ],
)
def test_secret_in_the_wrong_variable_is_not_repeated(variable: str, value: str) -> None:
    assert KEY not in refused(variable, value)


@pytest.mark.parametrize(
    ("name", "value", "others"),
    [
        ("api_url", "https://api.example:99999/v1", {}),
        ("api_url", "https://api.example:port/v1", {}),
        ("api_url", "https://api.example/v1?", {}),
        ("lease", "inf", {}),
        ("clock_offset", "inf", {"DISPATCHER_API_URL": "http://localhost"}),
        ("clock_offset", "nan", {"DISPATCHER_API_URL": "http://localhost"}),
    ],
)
def test_value_that_cannot_work_is_refused_at_the_start(
    name: str, value: str, others: dict[str, str]
) -> None:
    assert name.upper() in refused(f"DISPATCHER_{name.upper()}", value, **others)


def test_blanks_around_a_url_are_removed() -> None:
    settings = Settings.from_env({"DISPATCHER_API_URL": " https://api.example/v1 "})
    assert settings.api_url == "https://api.example/v1"


def test_empty_file_counts_as_unset(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("\n", encoding="utf-8")
    assert Settings.from_env({"DISPATCHER_API_KEY_FILE": str(path)}).api_key is None


def test_unknown_variable_is_refused_and_named() -> None:
    assert "DISPATCHER_API_KEYS" in refused("DISPATCHER_API_KEYS", KEY)
    assert "DISPATCHER_" in refused("DISPATCHER_", "x")


def test_unknown_name_is_refused_and_named() -> None:
    with pytest.raises(ConfigurationError, match="nope"):
        Settings.of(nope=1)


def test_value_beside_a_file_for_it_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text(KEY, encoding="utf-8")
    message = refused("DISPATCHER_API_KEY_FILE", str(path), DISPATCHER_API_KEY="other")
    assert "DISPATCHER_API_KEY" in message
    assert "DISPATCHER_API_KEY_FILE" in message


def test_unreadable_file_is_refused_by_the_name_of_its_variable(tmp_path: Path) -> None:
    missing = refused("DISPATCHER_API_KEY_FILE", str(tmp_path / "none"))
    assert "DISPATCHER_API_KEY_FILE" in missing
    folder = refused("DISPATCHER_API_KEY_FILE", str(tmp_path))
    assert "DISPATCHER_API_KEY_FILE" in folder


def test_binary_file_is_refused_by_the_name_of_its_variable(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_bytes(b"\xff\xfe\x00")
    assert "DISPATCHER_API_KEY_FILE" in refused("DISPATCHER_API_KEY_FILE", str(path))


# -- the gateway's URL and the clock ----------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://api.smspartner.fr/v1/", "https://api.smspartner.fr/v1"),
        ("https://api.example", "https://api.example"),
        ("http://127.0.0.1:8025/v1", "http://127.0.0.1:8025/v1"),
        ("http://localhost:8025/v1", "http://localhost:8025/v1"),
        ("http://[::1]:8025/v1", "http://[::1]:8025/v1"),
        ("HTTP://LOCALHOST:8025", "HTTP://LOCALHOST:8025"),
    ],
)
def test_https_or_loopback_is_accepted(url: str, kept: str) -> None:
    assert Settings.of(api_url=url).api_url == kept


def test_offset_is_refused_for_the_real_gateway() -> None:
    assert "CLOCK_OFFSET" in refused("DISPATCHER_CLOCK_OFFSET", "1")


@pytest.mark.parametrize("url", ["https://api.example/v1", "https://localhost.example/v1"])
def test_offset_is_refused_for_any_gateway_that_is_not_on_loopback(url: str) -> None:
    assert "CLOCK_OFFSET" in refused("DISPATCHER_CLOCK_OFFSET", "1", DISPATCHER_API_URL=url)


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/v1", "http://[::1]:1", "https://localhost"])
def test_offset_is_accepted_on_loopback(url: str) -> None:
    assert Settings.of(api_url=url, clock_offset=-5).clock_offset == -5


def test_closing_guard_shorter_than_a_call_is_refused() -> None:
    assert Settings.of(call_timeout=30, closing_guard=35).closing_guard == 35
    with pytest.raises(ConfigurationError, match=r"CLOSING_GUARD.*DISPATCHER_CALL_TIMEOUT"):
        Settings.of(call_timeout=30, closing_guard=34)


def test_lease_shorter_than_a_call_is_refused() -> None:
    assert Settings.of(call_timeout=30, lease=35).lease == 35
    with pytest.raises(ConfigurationError, match=r"DISPATCHER_LEASE.*DISPATCHER_CALL_TIMEOUT"):
        Settings.of(call_timeout=30, lease=34.9)


# -- secrets and immutability -----------------------------------------------------------------


def secretive() -> Settings:
    return Settings.of(
        api_key=KEY,
        database_url=DATABASE,
        broker_url=BROKER,
        web_token=TOKEN,
        webhook_secret=SECRET,
    )


@pytest.mark.parametrize(
    "shown",
    [
        pytest.param(repr, id="repr"),
        pytest.param(str, id="str"),
        pytest.param(lambda settings: settings.model_dump_json(), id="JSON"),
        pytest.param(lambda settings: str(settings.model_dump()), id="dict"),
        pytest.param(lambda settings: json.dumps(settings.model_dump(mode="json")), id="json dict"),
        pytest.param(lambda settings: f"{settings}", id="f-string"),
        pytest.param(lambda settings: repr(copy.deepcopy(settings)), id="copy"),
    ],
)
def test_secrets_are_masked(shown: Any) -> None:
    words = shown(secretive())
    for secret in (KEY, TOKEN, "hunter2", "hunter3", SECRET):
        assert secret not in words


def test_settings_survive_a_spawned_process() -> None:
    assert pickle.loads(pickle.dumps(secretive())) == secretive()


def test_settings_are_frozen() -> None:
    with pytest.raises(ValidationError):
        secretive().api_key = None  # type: ignore[misc]


def test_blanks_around_a_secret_are_removed() -> None:
    settings = Settings.from_env({"DISPATCHER_API_KEY": f" {KEY}\n"})
    assert settings.api_key is not None
    assert settings.api_key.get_secret_value() == KEY


def test_problems_lists_every_wrong_value() -> None:
    result = Settings.problems(sender="no", tick=0, colour="blue")
    assert [sentence.partition(":")[0] for sentence in result] == [
        "DISPATCHER_SENDER",
        "DISPATCHER_TICK",
        "unknown setting 'colour'",
    ]
    assert Settings.problems(sender="MaBoutique") == []


@pytest.mark.parametrize("name", ["api_url", "webhook_url", "callback_url"])
@pytest.mark.parametrize("sign", ["\n", "\r", "\t", "\0", "\x1b", "\u202e", " ", "\x7f"], ids=ascii)
def test_url_with_a_blank_or_a_control_character_is_refused(name: str, sign: str) -> None:
    [problem, *_] = Settings.problems(**{name: f"https://shop.example/a{sign}b"})

    assert problem == f"DISPATCHER_{name.upper()}: must hold no blank and no control character"


@pytest.mark.parametrize("name", ["database_url", "broker_url"])
@pytest.mark.parametrize(
    "password",
    ["p@ss:w/rd", "p#w", "p/w", "p?w@x/y", "p\tw", "p\nw", "p[hunter2]w", "hunter2℀", "[hunter2"],
    ids=ascii,
)
def test_password_that_breaks_its_url_is_refused_and_not_repeated(name: str, password: str) -> None:
    scheme = {"database_url": "postgresql+psycopg", "broker_url": "redis"}[name]

    problems = Settings.problems(**{name: f"{scheme}://app:{password}@db.example/0"})

    assert problems
    assert problems[0].startswith(f"DISPATCHER_{name.upper()}: ")
    assert password not in problems[0]
    assert "hunter2" not in problems[0]


@pytest.mark.parametrize("name", ["api_url", "webhook_url", "callback_url"])
@pytest.mark.parametrize("password", ["p[hunter2]w", "hunter2℀", "[hunter2"], ids=ascii)
def test_address_that_is_no_url_is_refused_and_not_repeated(name: str, password: str) -> None:
    [problem, *_] = Settings.problems(**{name: f"https://app:{password}@shop.example/a"})

    assert problem.startswith(f"DISPATCHER_{name.upper()}: ")
    assert "hunter2" not in problem


@pytest.mark.parametrize(
    "url",
    [
        "redis://:p%40w%2F%3A%23@redis.example:6379/0",
        "amqp://app:p@rabbit.example//",
        "redis+socket:///run/redis.sock",
    ],
)
def test_url_with_an_escaped_password_is_accepted(url: str) -> None:
    assert Settings.problems(broker_url=url) == []


def test_path_of_sqlite_may_hold_any_sign() -> None:
    assert Settings.problems(database_url="sqlite:////srv/a@b#c:d/dispatcher.db") == []

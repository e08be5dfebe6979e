"""Accounts beside the one of DISPATCHER_API_KEY, as settings name them."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from dispatcher.errors import ConfigurationError, InvalidCampaign
from dispatcher.settings import Settings
from dispatcher.settings.accounts import AccountSettings
from dispatcher.settings.environment import load, to_environment
from dispatcher.settings.logs import secrets_of

KEY, SHOP, NEWS = (40 * letter for letter in "abc")
TWO = {
    "DISPATCHER_API_KEY": KEY,
    "DISPATCHER_ACCOUNTS": "shop,news",
    "DISPATCHER_API_KEY_SHOP": SHOP,
    "DISPATCHER_API_KEY_NEWS": NEWS,
}
#: what an account may have of its own: as written, and as read
OWN = {
    "api_key": (SHOP, SHOP),
    "sender": ("LaBoutique", "LaBoutique"),
    "from_number": ("+33 6 39 98 00 09", "+33639980009"),
    "unicode": ("false", False),
    "rate": ("2.5", 2.5),
    "doubt_limit": ("2", 2),
    "campaign_recipients": ("500", 500),
    "campaign_euros": ("12.50", Decimal("12.50")),
    "daily_recipients": ("1000", 1000),
    "daily_euros": ("99", Decimal(99)),
}
PRICED = {"DISPATCHER_PRICES": "metropole=0.045"}


def plain(value: object) -> object:
    return value.get_secret_value() if isinstance(value, SecretStr) else value


def refused(**variables: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        Settings.from_env({f"DISPATCHER_{name}": value for name, value in variables.items()})
    return str(caught.value)


def test_table_above_has_every_setting_of_an_account() -> None:
    assert OWN.keys() == AccountSettings.model_fields.keys()


@pytest.mark.parametrize("name", OWN)
def test_variable_of_an_account_sets_its_value(name: str) -> None:
    text, value = OWN[name]
    variables = {"DISPATCHER_ACCOUNTS": "shop,news", f"DISPATCHER_{name.upper()}_SHOP": text}
    settings = Settings.from_env({**PRICED, **variables})
    assert plain(getattr(settings.of_account("shop"), name)) == value
    for other in (settings, settings.of_account("news")):
        assert getattr(other, name) == AccountSettings.model_fields[name].default


@pytest.mark.parametrize("name", OWN)
def test_file_of_an_account_sets_its_value(name: str, tmp_path: Path) -> None:
    text, value = OWN[name]
    (tmp_path / "value").write_text(f"{text}\n", encoding="utf-8")
    variables = {
        "DISPATCHER_ACCOUNTS": "shop",
        f"DISPATCHER_{name.upper()}_SHOP_FILE": str(tmp_path / "value"),
    }
    settings = Settings.from_env({**PRICED, **variables})
    assert plain(getattr(settings.of_account("shop"), name)) == value


@pytest.mark.parametrize("name", sorted(OWN.keys() - {"api_key"}))
def test_account_without_its_own_value_has_the_shared_one(name: str) -> None:
    text, value = OWN[name]
    settings = Settings.from_env({**TWO, **PRICED, f"DISPATCHER_{name.upper()}": text})
    assert plain(getattr(settings.of_account("news"), name)) == value


def test_account_never_has_the_key_of_another() -> None:
    settings = Settings.from_env({**TWO, "DISPATCHER_API_KEY_NEWS": ""})
    assert settings.of_account("news").api_key is None
    assert plain(settings.of_account("shop").api_key) == SHOP
    assert settings.of_account("") is settings


def test_sender_or_long_number_of_an_account_replaces_both_shared_ones() -> None:
    settings = Settings.from_env({**TWO, "DISPATCHER_FROM_NUMBER": "+33639980009"})
    assert settings.of_account("news").from_number == "+33639980009"
    settings = Settings.from_env(
        {**TWO, "DISPATCHER_FROM_NUMBER": "+33639980009", "DISPATCHER_SENDER_SHOP": "LaBoutique"}
    )
    shop = settings.of_account("shop")
    assert (shop.sender, shop.from_number) == ("LaBoutique", None)
    both = {"ACCOUNTS": "shop", "SENDER_SHOP": "LaBoutique", "FROM_NUMBER_SHOP": "+33639980009"}
    assert refused(**both) == "set DISPATCHER_SENDER_SHOP or DISPATCHER_FROM_NUMBER_SHOP, not both"


def test_shared_setting_applies_to_every_account() -> None:
    settings = Settings.from_env({**TWO, "DISPATCHER_TICK": "7"})
    assert settings.of_account("shop").tick == 7


def test_unknown_account_is_refused_with_those_that_are_known() -> None:
    settings = Settings.from_env(TWO)
    with pytest.raises(InvalidCampaign) as caught:
        settings.of_account("shoes")
    assert str(caught.value) == (
        "there is no account 'shoes': there are shop, news, and the default account"
    )
    with pytest.raises(InvalidCampaign, match="DISPATCHER_ACCOUNTS names none"):
        Settings.of().of_account("shop")
    for secret in (SHOP, "+33639980001", "33639980001"):
        with pytest.raises(InvalidCampaign) as caught:
            settings.of_account(secret)
        assert (
            str(caught.value)
            == "there is no such account: there are shop, news, and the default account"
        )


@pytest.mark.parametrize(
    "names", ["Shop", "2shop", "la boutique", "shop-2", "shop,", "file", 21 * "a", "été"]
)
def test_account_name_that_is_no_short_lower_case_word_is_refused(names: str) -> None:
    text = refused(ACCOUNTS=names)
    assert text.startswith("DISPATCHER_ACCOUNTS: ")
    assert "lower-case" in text


def test_name_listed_twice_is_refused() -> None:
    assert refused(ACCOUNTS="shop,shop") == "DISPATCHER_ACCOUNTS: a name is given twice"


def test_key_in_place_of_account_names_is_not_repeated() -> None:
    assert SHOP not in refused(ACCOUNTS=SHOP)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("RATE_SHOP", "fast"),
        ("RATE_SHOP", "0"),
        ("SENDER_SHOP", SHOP),
        ("DOUBT_LIMIT_SHOP", "0"),
        ("DAILY_RECIPIENTS_SHOP", "-1"),
        ("DAILY_EUROS_SHOP", "10"),  # without prices
        ("CAMPAIGN_EUROS_SHOP", "0"),
        ("API_KEY_SHOP_FILE", "/nowhere"),
    ],
)
def test_wrong_value_is_refused_and_its_variable_named(variable: str, value: str) -> None:
    text = refused(ACCOUNTS="shop", **{variable: value})
    assert f"DISPATCHER_{variable}" in text
    assert SHOP not in text
    assert "\n" not in text


def test_variable_of_an_unlisted_account_is_refused() -> None:
    assert refused(API_KEY_SHOP=SHOP) == (
        "unknown setting DISPATCHER_API_KEY_SHOP: DISPATCHER_ACCOUNTS does not name shop"
    )
    assert "does not name shoes" in refused(ACCOUNTS="shop", RATE_SHOES="2")
    assert "DISPATCHER_TICK_SHOP" in refused(ACCOUNTS="shop", TICK_SHOP="2")


def test_accounts_with_the_same_key_are_refused() -> None:
    text = refused(API_KEY=KEY, ACCOUNTS="shop", API_KEY_SHOP=KEY)
    assert text == "DISPATCHER_API_KEY_SHOP is the key of another account, too"
    assert "another account" in refused(ACCOUNTS="a,b", API_KEY_A=KEY, API_KEY_B=KEY)
    assert KEY not in text


def test_problems_lists_every_wrong_value_of_accounts() -> None:
    result = Settings.problems(accounts="shop", rate_shop=0, sender_shop="no", colour_shop="blue")
    assert sorted(sentence.partition(":")[0] for sentence in result) == [
        "DISPATCHER_RATE_SHOP",
        "DISPATCHER_SENDER_SHOP",
        "unknown setting 'colour_shop'",
    ]


@pytest.mark.parametrize(
    "shown",
    [
        pytest.param(repr, id="repr"),
        pytest.param(lambda settings: repr(settings.accounts), id="of the accounts"),
        pytest.param(lambda settings: repr(settings.of_account("shop")), id="of one"),
        pytest.param(lambda settings: settings.model_dump_json(), id="JSON"),
        pytest.param(lambda settings: str(settings.model_dump()), id="dict"),
        pytest.param(lambda settings: json.dumps(settings.model_dump(mode="json")), id="json dict"),
    ],
)
def test_repr_of_accounts_shows_no_key(shown: Any) -> None:
    words = shown(Settings.from_env(TWO))
    assert "shop" in words
    assert not any(key in words for key in (KEY, SHOP, NEWS))


def test_key_of_every_account_is_redacted_in_logs() -> None:
    assert {KEY, SHOP, NEWS} <= set(secrets_of(Settings.from_env(TWO)))


def test_environment_of_a_child_has_the_same_accounts() -> None:
    more = {"DISPATCHER_RATE_SHOP": "2.5", "DISPATCHER_DAILY_EUROS_NEWS": "9"}
    settings = Settings.from_env({**TWO, **PRICED, **more})
    assert Settings.from_env(to_environment(settings)) == settings


def test_accounts_in_the_settings_of_an_app_are_read() -> None:
    values = {"DISPATCHER_ACCOUNTS": ["shop"], "DISPATCHER_RATE_SHOP": 2}
    settings = load(values, {"DISPATCHER_API_KEY_SHOP": SHOP})
    assert settings.of_account("shop").rate == 2
    assert plain(settings.of_account("shop").api_key) == SHOP


def test_accounts_as_a_mapping_are_read() -> None:
    settings = Settings.of(accounts={"shop": {"api_key": SHOP}, "news": {}}, rate_shop=3)
    shop = settings.of_account("shop")
    assert (plain(shop.api_key), shop.rate) == (SHOP, 3)


def test_setting_that_no_account_may_have_is_named() -> None:
    with pytest.raises(ConfigurationError, match=r"^unknown setting 'colour_shop'$"):
        Settings.of(accounts={"shop": {"colour": "red"}})

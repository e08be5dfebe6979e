from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dispatcher.errors import ConfigurationError
from dispatcher.recipients.pseudonyms import ring_of
from dispatcher.settings import Settings
from dispatcher.settings.environment import load, to_environment
from dispatcher.settings.logs import secrets_of
from tests.unit.settings.test_settings import WRITTEN

#: an offset needs a gateway on loopback; a campaign leaves from a sender or from a number
EVERYTHING = {
    f"DISPATCHER_{name.upper()}": text
    for name, (text, _) in WRITTEN.items()
    if name != "from_number"
}


def test_environment_of_a_child_gives_the_same_settings() -> None:
    settings = Settings.from_env(EVERYTHING)
    assert Settings.from_env(to_environment(settings)) == settings


def test_environment_of_a_child_has_only_what_was_set() -> None:
    assert to_environment(Settings.of(rate=2.5)) == {"DISPATCHER_RATE": "2.5"}
    assert to_environment(Settings.of(rate=None, poll_intervals=(1, 2))) == {
        "DISPATCHER_POLL_INTERVALS": "1,2"
    }


def test_keys_of_a_file_are_a_ring_of_which_each_is_a_secret(tmp_path: Path) -> None:
    newer, older = "a newer key of the tests, before it", "a key of the tests, which hides nobody"
    file = tmp_path / "pseudonym_key"
    file.write_text(f"{newer}\n{older}\n", encoding="utf-8")
    settings = load({}, {"DISPATCHER_PSEUDONYM_KEY_FILE": str(file)})
    assert settings.pseudonym_key is not None
    assert ring_of(settings.pseudonym_key.get_secret_value()) == [newer, older]
    assert {newer, older} <= set(secrets_of(settings, {}))


def test_value_of_the_app_wins_over_the_environment() -> None:
    environ = {"DISPATCHER_RATE": "2", "DISPATCHER_SENDER": "Ailleurs", "PATH": "/bin"}
    settings = load({"DISPATCHER_SENDER": "MaBoutique", "DEBUG": True}, environ)
    assert (settings.sender, settings.rate) == ("MaBoutique", 2.0)


@pytest.mark.parametrize("nothing", [None, ""])
def test_empty_value_of_the_app_falls_back_to_the_environment(nothing: Any) -> None:
    environ = {"DISPATCHER_SENDER": "Ailleurs"}
    assert load({"DISPATCHER_SENDER": nothing}, environ).sender == "Ailleurs"


def test_typed_zero_replaces_the_default() -> None:
    environ = {"DISPATCHER_STOP_BUDGET": "120"}
    assert load({"DISPATCHER_STOP_BUDGET": 0}, environ).stop_budget == 0


def test_typed_values_are_stored_unchanged() -> None:
    values = {"DISPATCHER_POLL_INTERVALS": [5, 10], "DISPATCHER_PRICES": {"metropole": 0.045}}
    settings = load(values, {})
    assert settings.poll_intervals == (5, 10)
    assert str(settings.prices["metropole"]) == "0.045"


def test_value_of_the_app_wins_over_a_file_of_the_environment(tmp_path: Path) -> None:
    file = tmp_path / "sender"
    file.write_text("Ailleurs", encoding="utf-8")
    environ = {"DISPATCHER_SENDER_FILE": str(file)}
    assert load({"DISPATCHER_SENDER": "MaBoutique"}, environ).sender == "MaBoutique"
    assert load({}, environ).sender == "Ailleurs"
    assert load({"DISPATCHER_SENDER_FILE": file}, {"DISPATCHER_SENDER": "x"}).sender == ("Ailleurs")


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"DISPATCHER_RATE": "quick"}, "DISPATCHER_RATE: "),
        ({"DISPATCHER_RATE": object()}, "DISPATCHER_RATE: "),
        ({"DISPATCHER_POLL_INTERVALS": [0]}, "DISPATCHER_POLL_INTERVALS: "),
        ({"DISPATCHER_RATES": 3}, "unknown setting DISPATCHER_RATES"),
        ({"DISPATCHER_API_KEY_FILE": 7}, "DISPATCHER_API_KEY_FILE cannot be read"),
    ],
)
def test_wrong_value_fails_with_its_name(values: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigurationError, match=sentence):
        load(values, {})

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dispatcher.cli.flower import guard, guarded
from dispatcher.errors import ConfigurationError

OPEN = "--address=0.0.0.0"


def test_flower_without_address_listens_on_loopback() -> None:
    assert guarded(["flower"], {}) == ["flower", "--address=127.0.0.1"]


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.9", "::1", "localhost"])
def test_flower_on_loopback_needs_no_password(address: str) -> None:
    arguments = ["flower", f"--address={address}"]
    assert guarded(arguments, {}) == arguments


@pytest.mark.parametrize(
    ("arguments", "env"),
    [
        ([OPEN], {}),
        (["--address="], {}),
        (["--address=::"], {}),
        ([], {"FLOWER_ADDRESS": "192.0.2.1"}),
        ([OPEN], {"FLOWER_BASIC_AUTH": ""}),
        ([OPEN], {"FLOWER_BASIC_AUTH": "name:"}),
        ([OPEN, "--basic-auth=name"], {}),
        ([OPEN, "--basic_auth=a:b,c:"], {}),
        ([OPEN, "--basic_auth="], {"FLOWER_BASIC_AUTH": "a:b"}),
    ],
)
def test_flower_elsewhere_without_a_password_is_refused(
    arguments: list[str], env: dict[str, str]
) -> None:
    with pytest.raises(ConfigurationError, match="without a password"):
        guarded(["flower", *arguments], env)


@pytest.mark.parametrize(
    ("arguments", "env"),
    [
        ([OPEN], {"FLOWER_BASIC_AUTH": "name:password"}),
        ([OPEN, "--basic-auth=name:password"], {}),
        (
            [OPEN, "--auth=a@example.org", "--auth_provider=flower.views.auth.GithubLoginHandler"],
            {},
        ),
        (["--unix-socket=/run/flower.sock"], {}),
    ],
)
def test_flower_elsewhere_with_a_login_starts(arguments: list[str], env: dict[str, str]) -> None:
    assert guarded(["flower", *arguments], env) == ["flower", *arguments]


def test_password_in_the_configuration_file_counts(tmp_path: Path) -> None:
    config = tmp_path / "own.py"
    config.write_text('address = "0.0.0.0"\nbasic_auth = ["name:password"]\n')
    assert guarded(["flower", f"--conf={config}"], {}) == ["flower", f"--conf={config}"]
    config.write_text('address = "0.0.0.0"\n')
    with pytest.raises(ConfigurationError):
        guarded(["flower", f"--conf={config}"], {})


def test_flower_started_by_celery_itself_listens_on_loopback(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FLOWER_PORT", "5555")
    monkeypatch.delenv("FLOWER_ADDRESS", raising=False)

    guard(["-A", "workers", "flower"])

    assert os.environ["FLOWER_ADDRESS"] == "127.0.0.1"


@pytest.mark.parametrize(("told", "limit"), [(None, "10000"), ("500", "500")])
def test_flower_remembers_ten_thousand_tasks_unless_told(
    monkeypatch: pytest.MonkeyPatch, told: str | None, limit: str
) -> None:
    monkeypatch.setenv("FLOWER_MAX_TASKS", told or "")
    if told is None:
        monkeypatch.delenv("FLOWER_MAX_TASKS")

    guard(["-A", "workers", "flower"])

    assert os.environ["FLOWER_MAX_TASKS"] == limit


def test_flower_started_by_celery_itself_is_refused_elsewhere_without_a_password(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("FLOWER_BASIC_AUTH", raising=False)

    with pytest.raises(SystemExit, match="without a password"):
        guard(["-A", "workers", "flower", OPEN])


def test_other_processes_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOWER_ADDRESS", "0.0.0.0")

    guard(["-A", "workers", "worker"])

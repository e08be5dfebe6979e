"""docker-compose.yml and the Dockerfile, held against the programs and settings that they name."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from dispatcher.settings import PREFIX, Settings
from tests.unit.programs import check_command, check_variable

ROOT = Path(__file__).parents[3]
FILE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = FILE["services"]
OURS = [name for name, service in SERVICES.items() if "build" in service]
OTHERS = sorted(SERVICES.keys() - set(OURS))


def argv(name: str) -> list[str]:
    """What a service runs; for a shell, the command that it becomes."""
    command: list[str] = SERVICES[name]["command"]
    if command[0] == "sh":
        (line,) = re.findall(r"exec (.+)", command[-1])
        return shlex.split(line)
    return command


def seconds(written: str) -> float:
    number, unit = re.fullmatch(r"(\d+)(s|m)", written).groups()  # type: ignore[union-attr]
    return float(number) * {"s": 1, "m": 60}[unit]


def test_compose_has_every_service_of_an_installation() -> None:
    assert OTHERS == ["postgres", "redis"]
    assert sorted(OURS) == ["beat", "console", "flower", "gateway", "migrate", "webhooks", "worker"]


@pytest.mark.parametrize("name", OURS)
def test_every_command_of_compose_exists_with_its_options(name: str) -> None:
    check_command(argv(name))


@pytest.mark.parametrize("name", OURS)
def test_every_variable_of_compose_is_a_setting(name: str) -> None:
    for variable in SERVICES[name].get("environment", {}):
        check_variable(variable)


@pytest.mark.parametrize("name", SERVICES)
def test_every_secret_of_compose_comes_from_a_declared_file(name: str) -> None:
    service = SERVICES[name]
    values = service.get("secrets", [])
    assert set(values) <= FILE["secrets"].keys()
    for variable, value in service.get("environment", {}).items():
        hidden = {"DATABASE_URL", "BROKER_URL", "API_KEY", "PASSWORD", "SECRET"}
        if any(word in variable for word in hidden):
            assert variable.endswith("_FILE"), f"{variable} shows a secret"
            assert value.removeprefix("/run/secrets/") in values
    for path in re.findall(r"/run/secrets/(\w+)", str(service)):
        assert path in values, f"{name} is not given {path}"


def test_every_secret_is_made_by_the_script() -> None:
    script = (ROOT / "scripts/secrets.sh").read_text(encoding="utf-8")
    made = set(re.findall(r"^\s*keep (\w+) ", script, re.MULTILINE))
    assert made == FILE["secrets"].keys()
    assert all(it["file"] == f"./secrets/{name}" for name, it in FILE["secrets"].items())


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_that_others_wait_for_has_a_health_check(name: str) -> None:
    for other, condition in SERVICES[name].get("depends_on", {}).items():
        match condition["condition"]:
            case "service_healthy":
                assert "healthcheck" in SERVICES[other], f"{other} does not tell its health"
            case "service_completed_successfully":
                assert SERVICES[other]["restart"] == "no", f"{other} never completes"
            case unexpected:
                assert unexpected == "service_started"


@pytest.mark.parametrize("name", [name for name in SERVICES if name != "migrate"])
def test_every_running_service_has_a_health_check(name: str) -> None:
    check = SERVICES[name]["healthcheck"]
    kind, *command = check["test"]
    assert kind in {"CMD", "CMD-SHELL"}
    assert 0 < seconds(check["timeout"]) < seconds(check["interval"])
    match command:
        case ["python", "-c", program]:
            compile(program, name, "exec")
        case ["dispatcher", *_]:
            check_command(command)
        case _:
            assert name in OTHERS


def test_health_check_of_a_worker_asks_readyz_on_its_metrics_port() -> None:
    worker = SERVICES["worker"]
    port = worker["environment"][f"{PREFIX}METRICS_PORT"]
    program = worker["healthcheck"]["test"][-1]
    assert '"/readyz"' in program
    assert port in re.findall(r"\d{4,}", program)
    assert worker["expose"] == [port]
    assert worker["environment"][f"{PREFIX}METRICS_HOST"] == "0.0.0.0"
    others = [n for n in OURS if f"{PREFIX}METRICS_PORT" in SERVICES[n].get("environment", {})]
    assert others == ["worker"]


def test_health_check_of_flower_uses_its_port() -> None:
    port = next(word for word in argv("flower") if word.startswith("--port=")).partition("=")[2]
    assert port in SERVICES["flower"]["healthcheck"]["test"][-1]


def test_workers_and_beats_start_after_redis_and_the_tables() -> None:
    for name in ("worker", "beat"):
        assert SERVICES[name]["depends_on"].keys() == {"redis", "migrate"}
    assert SERVICES["migrate"]["depends_on"].keys() == {"postgres"}


def test_a_worker_gets_more_time_to_stop_than_a_call_takes() -> None:
    written = SERVICES["worker"]["environment"][f"{PREFIX}CALL_TIMEOUT"]
    default = float(re.fullmatch(r"\$\{\w+:-(\d+)\}", written)[1])  # type: ignore[index]
    assert default == Settings().call_timeout
    assert seconds(SERVICES["worker"]["stop_grace_period"]) > default + 10


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_has_limits_of_size(name: str) -> None:
    service = SERVICES[name]
    assert re.fullmatch(r"\d+[mg]", service["mem_limit"])
    assert service["pids_limit"] > 0
    assert all("size=" in place for place in service.get("tmpfs", []))


def test_there_are_two_beats() -> None:
    assert SERVICES["beat"]["deploy"]["replicas"] == 2


def test_flower_is_behind_a_password_without_default_and_on_loopback() -> None:
    auth = SERVICES["flower"]["environment"]["FLOWER_BASIC_AUTH"]
    assert re.fullmatch(r"\$\{FLOWER_BASIC_AUTH:\?[^}]+\}", auth)
    assert not any("auth" in word for word in argv("flower"))  # every process list shows those
    assert SERVICES["flower"]["ports"] == ["127.0.0.1:5555:5555"]


def test_webhooks_get_neither_the_key_nor_redis() -> None:
    webhooks = SERVICES["webhooks"]
    assert webhooks["secrets"] == [
        "database_url",
        "webhook_secret",
        "webhook_secret_old",
        "pseudonym_key",
    ]
    assert webhooks["environment"].keys() == {
        f"{PREFIX}DATABASE_URL_FILE",
        f"{PREFIX}WEBHOOK_SECRET_FILE",
        f"{PREFIX}WEBHOOK_SECRET_OLD_FILE",
        f"{PREFIX}PSEUDONYM_KEY_FILE",
    }
    assert webhooks["depends_on"].keys() == {"migrate"}


def test_health_check_of_webhooks_uses_their_port() -> None:
    port = argv("webhooks")[argv("webhooks").index("--port") + 1]
    assert port in SERVICES["webhooks"]["healthcheck"]["test"][-1]
    # a proxy with TLS stands before it, on the same host
    assert SERVICES["webhooks"]["ports"] == [f"127.0.0.1:{port}:{port}"]


def test_workers_and_webhooks_share_one_secret() -> None:
    worker, webhooks = (SERVICES[name]["environment"] for name in ("worker", "webhooks"))
    secret = f"{PREFIX}WEBHOOK_SECRET_FILE"
    assert worker[secret] == webhooks[secret]
    assert f"{PREFIX}WEBHOOK_URL" in worker


@pytest.mark.parametrize("name", [name for name in OURS if name != "gateway"])
def test_a_service_without_the_webhook_secret_ignores_the_webhook_url(name: str) -> None:
    # every service reads .env, and refuses to start with the address and no secret
    values = SERVICES[name]["environment"]
    if f"{PREFIX}WEBHOOK_SECRET_FILE" not in values:
        assert values[f"{PREFIX}WEBHOOK_URL"] == ""


def test_console_is_on_loopback_and_its_health_check_uses_its_port() -> None:
    console = SERVICES["console"]
    port = argv("console")[argv("console").index("--port") + 1]
    assert console["ports"] == [f"127.0.0.1:{port}:{port}"]
    assert port in console["healthcheck"]["test"][-1]
    assert f"{PREFIX}CONSOLE_KEY_FILE" in console["environment"]
    assert not {"signing_key", "webhook_secret"} & set(console["secrets"])


def test_only_webhooks_console_and_flower_publish_a_port() -> None:
    published = [name for name, service in SERVICES.items() if "ports" in service]
    assert published == ["webhooks", "console", "flower"]


def test_flower_gets_neither_the_key_nor_the_database() -> None:
    assert SERVICES["flower"]["secrets"] == ["broker_url"]


def test_redis_evicts_nothing_and_asks_for_a_password() -> None:
    script = SERVICES["redis"]["command"][-1]
    for line in ("maxmemory-policy noeviction", "appendonly yes", "requirepass"):
        assert line in script


def test_the_fake_gateway_starts_only_with_its_profile() -> None:
    assert [name for name, service in SERVICES.items() if "profiles" in service] == ["gateway"]
    assert SERVICES["gateway"]["network_mode"] == "service:worker"


@pytest.mark.parametrize(
    "image",
    [service["image"] for service in SERVICES.values()]
    + re.findall(r"^FROM (\S+)", (ROOT / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE),
)
def test_every_image_has_a_version_and_no_host(image: str) -> None:
    name, _, tag = image.partition(":")
    assert re.match(r"\d+\.\d+|\d+-", tag), f"{image} is not one version"
    assert "." not in name
    assert "/" not in name


def test_the_image_is_built_from_the_locks_and_runs_without_root() -> None:
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    installs = re.findall(r"pip install (.+?)(?: && .*)?$", text, re.MULTILINE)
    assert len(installs) == 3
    for install in installs:
        assert "--require-hashes" in install or "--no-index" in install
    assert re.search(r"^USER (?!root)", text, re.MULTILINE)
    assert re.search(r"^HEALTHCHECK NONE$", text, re.MULTILINE)

"""The examples for Kubernetes and systemd, held against the programs and settings they name."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from dispatcher.settings import PREFIX, Settings
from tests.unit.deploy.test_compose import SERVICES
from tests.unit.programs import check_command, check_variable

ROOT = Path(__file__).parents[3]
NETWORK = ROOT / "deploy/kubernetes/network.yaml"
KUBERNETES = sorted({*(ROOT / "deploy/kubernetes").glob("*.yaml")} - {NETWORK})
SYSTEMD = sorted((ROOT / "deploy/systemd").glob("*.service"))
#: seconds beyond a call's own limit that a worker may take to record what came of it
AFTERWARDS = 10


def named(paths: list[Path]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("path", paths, ids=lambda path: path.name)


# -- Kubernetes


class Pod:
    """What the pods of a manifest are made of: one container each."""

    def __init__(self, path: Path) -> None:
        (self.manifest,) = yaml.safe_load_all(path.read_text(encoding="utf-8"))
        self.spec: dict[str, Any] = self.manifest["spec"]["template"]["spec"]
        (self.container,) = self.spec["containers"]
        self.environment: dict[str, str] = {
            variable["name"]: variable["value"] for variable in self.container["env"]
        }

    def files(self) -> Iterator[str]:
        """The secret files that its container finds, by their paths."""
        mounts = {it["name"]: it["mountPath"] for it in self.container["volumeMounts"]}
        for volume in self.spec["volumes"]:
            if "secret" in volume:
                for item in volume["secret"]["items"]:
                    yield f"{mounts[volume['name']]}/{item['path']}"


WORKER = ROOT / "deploy/kubernetes/worker.yaml"


def test_there_is_an_example_of_each_part() -> None:
    assert [path.stem for path in KUBERNETES] == [
        "beat",
        "console",
        "migrate",
        "webhooks",
        "worker",
    ]
    assert [path.stem for path in SYSTEMD] == [
        "dispatcher-beat",
        "dispatcher-console",
        "dispatcher-flower",
        "dispatcher-migrate",
        "dispatcher-webhooks",
        "dispatcher-worker@",
    ]


@named(KUBERNETES)
def test_every_command_and_variable_of_a_pod_exists(path: Path) -> None:
    pod = Pod(path)
    check_command(pod.container["command"])
    for variable, value in pod.environment.items():
        check_variable(variable)
        assert isinstance(value, str), f"{variable} must be a string to Kubernetes"
    assert pod.container["image"] == SERVICES["worker"]["image"]


@named(KUBERNETES)
def test_a_pod_gets_its_secrets_from_mounted_files_only(path: Path) -> None:
    pod = Pod(path)
    files = {value for name, value in pod.environment.items() if name.endswith("_FILE")}
    assert files == set(pod.files())
    secret = (
        "API_KEY",
        "DATABASE_URL",
        "BROKER_URL",
        "WEBHOOK_SECRET",
        "PSEUDONYM_KEY",
        "SIGNING_KEY",
    )
    for name in secret:
        assert f"{PREFIX}{name}" not in pod.environment


@named(KUBERNETES)
def test_a_pod_runs_without_root_and_privileges(path: Path) -> None:
    pod = Pod(path)
    assert pod.spec["securityContext"]["runAsNonRoot"] is True
    user = re.findall(r"--uid (\d+)", (ROOT / "Dockerfile").read_text(encoding="utf-8"))
    assert [str(pod.spec["securityContext"]["runAsUser"])] == user
    assert pod.spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod.spec["automountServiceAccountToken"] is False
    assert pod.container["resources"]["limits"].keys() == {"memory", "ephemeral-storage"}
    sizes = [it["emptyDir"]["sizeLimit"] for it in pod.spec["volumes"] if "emptyDir" in it]
    assert sizes == ["64Mi"]
    assert pod.container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def test_migrations_workers_and_webhooks_have_a_database_role_each() -> None:
    keys = []
    for name in ("migrate", "worker", "webhooks"):
        pod = Pod(ROOT / f"deploy/kubernetes/{name}.yaml")
        items = [
            it for volume in pod.spec["volumes"] for it in volume.get("secret", {}).get("items", [])
        ]
        keys += [it["key"] for it in items if it["path"] == "database_url"]
    assert keys == ["database_url_owner", "database_url", "database_url_webhooks"]


def test_every_part_has_a_network_policy_with_the_ports_that_it_uses() -> None:
    policies = list(yaml.safe_load_all(NETWORK.read_text(encoding="utf-8")))
    assert policies[0]["spec"]["podSelector"] == {"matchLabels": {"app": "dispatcher"}}
    opened = {one["metadata"]["name"]: one["spec"].get("ingress", []) for one in policies}
    ports = {name: rules[0]["ports"][0]["port"] for name, rules in opened.items() if rules}
    assert ports == {
        f"dispatcher-{name}": Pod(ROOT / f"deploy/kubernetes/{name}.yaml").container["ports"][0][
            "containerPort"
        ]
        for name in ("worker", "console", "webhooks")
    }


def test_kubernetes_knows_every_field_of_the_manifests() -> None:
    checker = pytest.importorskip(
        "kubernetes_validate",
        reason="there is no kubernetes-validate (pip install kubernetes-validate)",
    )
    for path in (*KUBERNETES, NETWORK):
        for manifest in yaml.safe_load_all(path.read_text(encoding="utf-8")):
            checker.validate(manifest, "1.30", strict=True)


@named([path for path in KUBERNETES if path.stem != "migrate"])
def test_a_deployment_selects_its_own_pods(path: Path) -> None:
    spec = Pod(path).manifest["spec"]
    assert spec["selector"]["matchLabels"] == spec["template"]["metadata"]["labels"]
    # the console makes its tables when it starts: never two at a time
    assert spec["replicas"] == (1 if path.stem == "console" else 2)


def test_probes_of_a_worker_use_its_metrics_port() -> None:
    pod = Pod(WORKER)
    (port,) = pod.container["ports"]
    assert str(port["containerPort"]) == pod.environment[f"{PREFIX}METRICS_PORT"]
    assert pod.environment[f"{PREFIX}METRICS_HOST"] == "0.0.0.0"
    for probe, path in (("livenessProbe", "/healthz"), ("readinessProbe", "/readyz")):
        assert pod.container[probe]["httpGet"] == {"path": path, "port": port["name"]}
    result = pod.manifest["spec"]["template"]["metadata"]["annotations"]
    assert result["prometheus.io/port"] == pod.environment[f"{PREFIX}METRICS_PORT"]


def test_a_pod_gets_more_time_to_stop_than_a_call_takes() -> None:
    grace = Pod(WORKER).spec["terminationGracePeriodSeconds"]
    assert grace > Settings().call_timeout + AFTERWARDS


def test_probes_of_the_console_use_its_port() -> None:
    pod = Pod(ROOT / "deploy/kubernetes/console.yaml")
    (port,) = pod.container["ports"]
    command = pod.container["command"]
    assert command[command.index("--port") + 1] == str(port["containerPort"])
    for probe in ("livenessProbe", "readinessProbe"):
        assert pod.container[probe]["tcpSocket"] == {"port": port["name"]}
    assert pod.manifest["spec"]["strategy"] == {"type": "Recreate"}


def test_probes_of_webhooks_use_their_port_and_need_no_key() -> None:
    pod = Pod(ROOT / "deploy/kubernetes/webhooks.yaml")
    (port,) = pod.container["ports"]
    command = pod.container["command"]
    assert command[command.index("--port") + 1] == str(port["containerPort"])
    for probe in ("livenessProbe", "readinessProbe"):
        assert pod.container[probe]["tcpSocket"] == {"port": port["name"]}
    assert {Path(path).name for path in pod.files()} == {
        "database_url",
        "webhook_secret",
        "pseudonym_key",
    }


def test_a_worker_can_sign_evidence_and_webhooks_cannot() -> None:
    """Evidence is written by a command in the worker's container, or on its host."""
    variable = f"{PREFIX}SIGNING_KEY_FILE"
    assert variable in Pod(WORKER).environment
    assert variable in SERVICES["worker"]["environment"]
    units = {path.stem: path.read_text(encoding="utf-8") for path in SYSTEMD}
    signing = [name for name, text in units.items() if "signing_key" in text]
    assert signing == ["dispatcher-worker@"]
    webhooks = Pod(ROOT / "deploy/kubernetes/webhooks.yaml")
    assert variable not in {*webhooks.environment, *SERVICES["webhooks"]["environment"]}


# -- systemd


class Unit:
    """The directives of a unit, by section; a directive may be repeated."""

    def __init__(self, path: Path) -> None:
        self._found: dict[tuple[str, str], list[str]] = {}
        section = ""
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.startswith("["):
                section = line.strip("[]")
            elif line and not line.startswith("#"):
                name, sign, value = line.partition("=")
                assert sign, f"{path.name}: {line}"
                self._found.setdefault((section, name), []).append(value)

    def all(self, name: str, section: str = "Service") -> list[str]:
        return self._found.get((section, name), [])

    def one(self, name: str, section: str = "Service") -> str:
        (value,) = self.all(name, section)
        return value


@named(SYSTEMD)
def test_every_command_and_variable_of_a_unit_exists(path: Path) -> None:
    unit = Unit(path)
    program, *words = shlex.split(unit.one("ExecStart"))
    assert Path(program).is_relative_to(unit.one("WorkingDirectory"))
    check_command([Path(program).name, *words])
    for assignment in unit.all("Environment"):
        check_variable(assignment.partition("=")[0])


@named(SYSTEMD)
def test_a_unit_gets_its_secrets_as_credentials(path: Path) -> None:
    unit = Unit(path)
    values = [credential.partition(":")[0] for credential in unit.all("LoadCredential")]
    read = [
        value.partition("=")[2].removeprefix("%d/")
        for value in unit.all("Environment")
        if value.partition("=")[0].endswith("_FILE")
    ]
    assert values == read != []


@named(SYSTEMD)
def test_a_unit_without_the_webhook_secret_unsets_the_webhook_url(path: Path) -> None:
    unit = Unit(path)
    secret = f"{PREFIX}WEBHOOK_SECRET_FILE"
    if unit.all("EnvironmentFile") and secret not in path.read_text(encoding="utf-8"):
        assert unit.one("UnsetEnvironment") == f"{PREFIX}WEBHOOK_URL"


@pytest.fixture(scope="module")
def analyze() -> str:
    """The program that checks units; skips where systemd is not installed."""
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("there is no systemd-analyze (Debian: apt install systemd)")
    return program


@named(SYSTEMD)
def test_systemd_understands_every_line_of_a_unit(path: Path, analyze: str, tmp_path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    unit = tmp_path / path.name
    unit.write_text(text.replace("/srv/dispatcher/bin/dispatcher", "/usr/bin/true"))
    verified = subprocess.run(
        [analyze, "verify", "--man=no", str(unit)], capture_output=True, text=True, check=False
    )
    assert path.name.partition("@")[0] not in verified.stderr
    assert verified.returncode == 0


@named(SYSTEMD)
def test_systemd_finds_a_unit_hardly_exposed(path: Path, analyze: str) -> None:
    judged = subprocess.run(
        [analyze, "security", "--offline=true", "--threshold=40", str(path)],
        capture_output=True,
        text=True,
        check=False,
    )
    if "offline" in judged.stderr:
        pytest.skip("this systemd is older than 250")
    assert judged.returncode == 0, judged.stdout.splitlines()[-1:]


@named(SYSTEMD)
def test_a_unit_runs_without_root(path: Path) -> None:
    unit = Unit(path)
    assert unit.one("User") == "dispatcher"
    assert unit.one("NoNewPrivileges") == "yes"
    assert unit.one("ProtectSystem") == "strict"


def test_a_unit_gets_more_time_to_stop_than_a_call_takes() -> None:
    unit = Unit(ROOT / "deploy/systemd/dispatcher-worker@.service")
    assert float(unit.one("TimeoutStopSec")) > Settings().call_timeout + AFTERWARDS
    assert unit.one("KillMode") == "mixed"
    # each of them has a port and a name of its own
    assert "DISPATCHER_METRICS_PORT=%i" in unit.all("Environment")
    assert "worker%i@%H" in unit.one("ExecStart")

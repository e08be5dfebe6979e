"""The files for Compose and Prometheus, and the script of secrets, read by their own programs."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[3]
COMPOSE = ROOT / "docker-compose.yml"
#: the first version that knows an `env_file` that may be missing
NEEDED = (2, 24)


class _Strict(yaml.SafeLoader):
    """Refuses a key that comes twice, of which YAML's usual reading takes the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        own = [key.value for key, _ in node.value if key.value != "<<"]
        assert len(own) == len({*own}), f"line {node.start_mark.line + 1}: a key comes twice"
        return super().construct_mapping(node, deep)


def _run(*words: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"FLOWER_BASIC_AUTH": "name:password"}
    return subprocess.run(words, capture_output=True, text=True, check=False, env=environment)


def test_compose_file_gives_every_key_once() -> None:
    # no value of the file makes other objects than YAML's own
    assert yaml.load(COMPOSE.read_text(encoding="utf-8"), _Strict)["services"]


def test_installed_compose_reads_the_file_or_is_too_old_for_it(tmp_path: Path) -> None:
    program = shutil.which("docker-compose")
    if program is None:
        pytest.skip("there is no docker-compose (Debian: apt install docker-compose)")
    found = re.search(r"(\d+)\.(\d+)", _run(program, "version", "--short").stdout)
    assert found, "docker-compose tells no version"
    version = (int(found[1]), int(found[2]))
    judged = _run(program, "--file", str(COMPOSE), "config", "--quiet")
    if version >= NEEDED:
        assert judged.returncode == 0, judged.stderr
        return
    # it refuses the file, and can read everything but what it is too old for
    assert judged.returncode != 0
    text = COMPOSE.read_text(encoding="utf-8")
    older = re.sub(r"^(name:|  env_file:) .*\n", "", text, flags=re.MULTILINE)
    file = tmp_path / "docker-compose.yml"
    file.write_text(older, encoding="utf-8")
    judged = _run(program, "--file", str(file), "config", "--quiet")
    assert judged.returncode == 0, judged.stderr


@pytest.mark.parametrize("name", ["docker-compose.yml", "README.md", "docs/operations.md"])
def test_version_of_compose_is_where_a_reader_looks(name: str) -> None:
    needed = ".".join(map(str, NEEDED))
    assert f"Docker Compose {needed} or newer" in (ROOT / name).read_text(encoding="utf-8")


def test_script_makes_a_new_secret_when_the_former_one_becomes_the_old(tmp_path: Path) -> None:
    (tmp_path / "scripts").mkdir()
    script = shutil.copy(ROOT / "scripts/secrets.sh", tmp_path / "scripts")
    places = [tmp_path / f"secrets/webhook_secret{end}" for end in ("", "_old")]

    def made() -> list[str]:
        subprocess.run(["sh", script], input="key\n", text=True, check=True, capture_output=True)
        return [place.read_text(encoding="utf-8") for place in places]

    former, random = made()
    assert made() == [former, random]
    places[0].replace(places[1])
    new, old = made()
    assert old == former
    assert new not in {former, random}


@pytest.mark.parametrize(("what", "name"), [("rules", "alerts.yml"), ("config", "scrape.yml")])
def test_prometheus_understands_rules_and_scrapes(what: str, name: str) -> None:
    program = shutil.which("promtool")
    if program is None:
        pytest.skip("there is no promtool (Debian: apt install prometheus)")
    judged = _run(program, "check", what, str(ROOT / "deploy/prometheus" / name))
    assert judged.returncode == 0, judged.stdout + judged.stderr

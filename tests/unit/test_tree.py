"""The repository itself: what no file may hold, and what has to go together."""

from __future__ import annotations

import ast
import inspect
import os
import re
import tomllib
from collections.abc import Iterator
from datetime import time
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from pydantic import SecretStr
from pydantic.fields import FieldInfo

import dispatcher
from dispatcher import errors
from dispatcher.dispatch.events.signals import Signal
from dispatcher.settings import PREFIX, Settings

ROOT = Path(__file__).parents[2]
#: made by tools; nothing of them is committed
_MADE = {"__pycache__", "build", "dist", "node_modules", "secrets", "var"}
_OURS = {".ci", ".dockerignore", ".github", ".gitignore"}
LONGEST_MODULE = 250
#: modules that may be longer: each one is a debt, to be cut when it is next worked on
LONGER = {
    "dispatcher/settings/settings.py",
    "dispatcher/storage/tables.py",
}


def files(*folders: str) -> list[Path]:
    """The text files of the repository, or of some of its folders."""
    return sorted(
        path
        for folder in folders or (".",)
        for path in _under(ROOT / folder)
        if path.is_file() and not _made(path.relative_to(ROOT).parts) and b"\0" not in _head(path)
    )


def _under(folder: Path) -> Iterator[Path]:
    """What is in a folder; not in folders that tests make, where files vanish meanwhile."""
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not _made((name,))]
        yield from (Path(place, name) for name in names)


def _made(parts: tuple[str, ...]) -> bool:
    return any(
        part in _MADE
        or (part.startswith(".") and part not in _OURS)
        or part.endswith((".egg-info", ".db", ".pyc"))
        for part in parts
    )


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(4096)


def found(pattern: str, among: list[Path]) -> Iterator[tuple[str, int, re.Match[str]]]:
    """Where a pattern occurs: file, line, match."""
    for path in among:
        text = path.read_text(encoding="utf-8", errors="replace")
        for match in re.finditer(pattern, text):
            line = text.count("\n", 0, match.start()) + 1
            yield path.relative_to(ROOT).as_posix(), line, match


def places(pattern: str, among: list[Path]) -> list[str]:
    return [f"{path}:{line}: {match[0]}" for path, line, match in found(pattern, among)]


# -- what no file may hold


@pytest.mark.parametrize(
    "host",
    # in two parts, or this file would hold them
    [
        "pypi" + r"\.org",
        "python" + "hosted",
        "docker" + r"\.io",
        "gh" + r"cr\.io",
        "qu" + r"ay\.io",
        "npm" + r"js\.",
        "(?<!no-emit-)index-url[ =]",
        "(?<!no-emit-)find-links[ =]",
    ],
)
def test_no_file_names_a_package_registry(host: str) -> None:
    assert places(host, files()) == []


def test_no_file_names_a_directory_of_a_machine() -> None:
    here = [str(ROOT), str(Path.home())]
    literal = "|".join(re.escape(path) for path in here if path != "/")
    usual = r"(?<![\w.$})/-])/(?:ro" + r"ot|ho" + r"me|Us" + r"ers|wo" + r"rk|op" + r"t)/\w"
    assert places(rf"(?:{literal})\b|{usual}", files()) == []


# the separators that people write, and the plain and the bracketed zero
_GAP = r"[ .()\u00a0\u202f-]*"
_MOBILE = rf"(?<![\w.+])(?:\+33|0033|0){_GAP}(?:0{_GAP})?([67](?:{_GAP}\d){{8}})(?![\d.]|\w)"
_OVERSEAS = r"(?<!\w)\+(?:262|508|590|594|596|681|687|689)((?:[ .-]?\d){6,9})(?!\w)"


def strangers(pattern: str, *exempt: str) -> list[str]:
    """Where a number is written that may be somebody's; the number itself is not repeated."""
    among = [
        path
        for path in files()
        if not any(path.is_relative_to(ROOT / folder) for folder in (*exempt, "requirements"))
    ]
    return [
        f"{path}:{line}"
        for path, line, match in found(pattern, among)
        if not re.sub(r"\D", "", match[1]).startswith("63998")
    ]


def test_every_number_outside_unit_tests_is_fictional() -> None:
    """ARCEP keeps 06 39 98 xx xx for fiction; other spellings are the subject of unit tests."""
    assert strangers(_MOBILE, "tests/unit", "tests/data") == []


def test_no_overseas_number_stands_outside_the_tests() -> None:
    """There is no block for fiction there."""
    assert strangers(_OVERSEAS, "tests") == []


@pytest.mark.parametrize(
    ("number", "is_found"),
    [
        ("06 12 34 56 78", True),
        ("+33612345678", True),
        ("0033 (0)7.55.12.34.56", True),
        ("612345678", False),
        ("0612345678901", False),
    ],
)
def test_a_number_is_found_in_its_usual_spellings(number: str, *, is_found: bool) -> None:
    assert bool(re.search(_MOBILE, f'"{number}"')) is is_found


@pytest.mark.parametrize(
    "pattern",
    [
        # what waits is a row; whatever Redis holds for longer than a moment is lost or repeated
        r"\beta\s*=",
        r"\bcountdown\s*=",
        r"\.retry\(",
        r"autoretry_for",
        r"acks_late\s*=\s*True",
        r"reject_on_worker_lost\s*=\s*True",
        # the key goes to the gateway and to nobody else
        r"verify\s*=\s*False",
        r"allow_redirects\s*=\s*True",
        r"CERT_NONE",
        r"_create_unverified_context",
        # whoever can write to Redis or to a row must not be able to run code
        r"\bpickle\b",
        r"yaml\.(?:unsafe_)?load\(",
        r"shell\s*=\s*True",
    ],
)
def test_no_code_uses_what_the_design_forbids(pattern: str) -> None:
    assert places(pattern, files("dispatcher", "workers")) == []


def test_no_module_is_longer_than_the_limit() -> None:
    long = {
        path.relative_to(ROOT).as_posix()
        for path in files("dispatcher", "workers")
        if path.suffix == ".py" and len(path.read_text("utf-8").splitlines()) > LONGEST_MODULE
    }
    assert long - LONGER == set(), "cut it, or list it in LONGER and say why"
    assert all((ROOT / path).exists() for path in LONGER)


def test_no_file_holds_an_open_task() -> None:
    marks = r"\b(?:TO" + r"DO|FIX" + r"ME|XX" + r"X)\b|NotImplemented" + "Error"
    assert places(marks, files("dispatcher", "workers", "tests", "scripts")) == []


# -- what has to go together


def test_the_public_names_are_sorted_and_exist() -> None:
    assert dispatcher.__all__ == sorted(dispatcher.__all__)
    for name in dispatcher.__all__:
        value = getattr(dispatcher, name)
        # a signal is an object, which knows the kind of its events and no name
        assert isinstance(value, Signal) or value.__name__ == name


def test_public_names_are_exactly_the_imported_ones() -> None:
    """``__getattr__`` finds a name when it is used; type checkers read the imports."""
    tree = ast.parse((ROOT / "dispatcher/__init__.py").read_text(encoding="utf-8"))
    imported = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("dispatcher.")
        for alias in node.names
    }
    assert imported == set(dispatcher.__all__)


def test_every_error_is_public() -> None:
    raised = {
        name
        for name, value in vars(errors).items()
        if inspect.isclass(value) and issubclass(value, errors.DispatcherError)
    }
    assert raised <= set(dispatcher.__all__)


def test_settings_page_says_what_the_code_says() -> None:
    text = (ROOT / "docs/settings.md").read_text(encoding="utf-8")
    rows = re.findall(rf"^\| `{PREFIX}(\w+)` \| (.+?) \| (.+) \|$", text, re.MULTILINE)
    written = {name: (default, meaning) for name, default, meaning in rows}
    assert len(written) == len(rows), "a setting has two lines"
    assert written == {
        name.upper(): (_shown(field), field.description)
        for name, field in Settings.model_fields.items()
    }


def _shown(field: FieldInfo) -> str:
    """The default of a setting, as one writes it into the environment."""
    default = field.get_default(call_default_factory=True)
    if isinstance(default, SecretStr):
        default = default.get_secret_value()
    if not default and not isinstance(default, int | float):
        return "–"
    match default:
        case bool():
            return f"`{default}`".lower()
        case tuple():
            return f"`{','.join(f'{number:g}' for number in default)}`"
        case time():
            return f"`{default:%H:%M}`"
    return f"`{default}`"


# -- the lock files

_LOCKED = re.compile(
    r"^([\w.-]+)==(\S+)(?: ; [^\\]+)?((?: \\\n    --hash=sha256:[0-9a-f]{64})+)$", re.M
)


def locked(name: str) -> dict[str, set[str]]:
    """Each package of a lock file with its versions (they may differ between platforms)."""
    text = (ROOT / "requirements" / name).read_text(encoding="utf-8")
    found: dict[str, set[str]] = {}
    for package, locked_version, _ in _LOCKED.findall(text):
        found.setdefault(canonicalize_name(package), set()).add(locked_version)
    assert sum(map(len, found.values())) == len(re.findall(r"^\w", text, re.MULTILINE))
    return found


def wanted(*extras: str) -> Iterator[Requirement]:
    """What pyproject.toml asks for, with some of its extras."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lists = [project["dependencies"], *(project["optional-dependencies"][it] for it in extras)]
    for text in (text for texts in lists for text in texts):
        requirement = Requirement(text)
        if requirement.name == project["name"]:
            yield from wanted(*sorted(requirement.extras))
        else:
            yield requirement


@pytest.mark.parametrize(
    ("name", "extras"),
    [
        ("dev.txt", ["dev"]),
        ("server.txt", ["console", "postgres", "flower", "xlsx"]),
        ("bench.txt", ["bench"]),
    ],
)
def test_a_lock_has_every_required_package(name: str, extras: list[str]) -> None:
    lock = locked(name)
    for requirement in wanted(*extras):
        versions = lock.get(canonicalize_name(requirement.name), set())
        assert versions, f"{requirement.name} is not in {name}: make lock"
        assert all(requirement.specifier.contains(it) for it in versions), f"{name}: make lock"


def test_server_lock_has_the_versions_of_the_test_lock() -> None:
    tested = locked("dev.txt")
    for package, versions in locked("server.txt").items():
        assert versions <= tested[package], package


@pytest.mark.parametrize("name", ["dev.txt", "server.txt", "bench.txt"])
def test_a_lock_names_no_address(name: str) -> None:
    text = (ROOT / "requirements" / name).read_text(encoding="utf-8")
    assert re.findall(r"://|^-|file:", text, re.MULTILINE) == []


def test_every_file_that_names_the_version_names_this_one() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    changes = re.findall(r"^## \[(\d.*)\]", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.M)
    assert changes[0] == project["version"]
    named = found(
        r"(?:image: sms-campaign-dispatcher:|name: dispatcher-migrate-)(\S+)",
        [ROOT / "docker-compose.yml", *files("deploy")],
    )
    assert {match[1] for *_, match in named} == {project["version"]}

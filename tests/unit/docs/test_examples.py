"""The README's lines for Django are the example's own."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SHOP = ROOT / "examples" / "django_shop"


def blocks(language: str) -> list[str]:
    """The blocks of code under "From Django"."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    section = text.partition("### From Django\n")[2].partition("\n### ")[0]
    return re.findall(rf"^```{language}\n(.*?)^```", section, re.MULTILINE | re.DOTALL)


def test_the_view_in_the_readme_is_the_examples_own() -> None:
    views = (SHOP / "shop" / "views.py").read_text(encoding="utf-8")
    imports, _, view = blocks("python")[1].partition("\n\n\n")
    assert view.startswith("def launch(request):")
    assert view in views
    for line in imports.splitlines():
        assert line in views


def test_the_settings_in_the_readme_are_the_examples_own() -> None:
    settings = (SHOP / "shop" / "settings.py").read_text(encoding="utf-8")
    installed, ours = blocks("python")[0].strip().splitlines()
    assert ours in settings
    app = re.search(r'\["(.*)"\]', installed)
    assert app is not None
    assert f'    "{app[1]}",\n' in settings


@pytest.mark.parametrize("word", ["migrate", "loaddata", "createsuperuser", "runserver"])
def test_the_commands_in_the_readme_are_those_of_the_browsers_test(word: str) -> None:
    commands = "".join(blocks("sh"))
    assert f"manage.py {word}" in commands
    assert f'"{word}"' in (ROOT / "tests/acceptance/test_django_shop.py").read_text("utf-8")

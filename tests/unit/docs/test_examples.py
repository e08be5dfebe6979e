"""The code in the README and on the pages for Django and Flask is that of the examples."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SHOP = ROOT / "examples" / "django_shop"
FLASK = ROOT / "examples" / "flask_shop" / "app.py"


def blocks(page: str, language: str, heading: str = "") -> list[str]:
    """The blocks of code of a page, or of what stands under one of its headings."""
    text = (ROOT / page).read_text(encoding="utf-8")
    section = text.partition(f"## {heading}\n")[2].partition("\n## ")[0] if heading else text
    return re.findall(rf"^```{language}\n(.*?)^```", section, re.MULTILINE | re.DOTALL)


def code_lines(text: str) -> set[str]:
    """Its lines without indentation, empty lines, comments and a comma behind."""
    lines = {line.strip().rstrip(",") for line in text.splitlines()}
    return {line for line in lines if line and not line.startswith("#")}


def example(*files: str) -> set[str]:
    return set().union(*(code_lines((SHOP / file).read_text("utf-8")) for file in files))


def test_view_on_the_django_page_is_the_examples() -> None:
    views = (SHOP / "shop" / "views.py").read_text(encoding="utf-8")
    imports, _, view = blocks("docs/django.md", "python")[1].partition("\n\n\n")
    assert view.startswith("@login_required\ndef launch(request):")
    assert view in views
    for line in imports.splitlines():
        assert line in views


def test_settings_on_the_django_page_are_the_examples() -> None:
    settings = (SHOP / "shop" / "settings.py").read_text(encoding="utf-8")
    installed, ours = blocks("docs/django.md", "python")[0].strip().splitlines()
    assert ours in settings
    app = re.search(r'\["(.*)"\]', installed)
    assert app is not None
    assert f'    "{app[1]}",\n' in settings


@pytest.mark.parametrize("word", ["migrate", "loaddata", "createsuperuser", "runserver"])
def test_commands_on_the_django_page_are_those_of_the_browser_test(word: str) -> None:
    commands = "".join(blocks("docs/django.md", "sh"))
    assert f"manage.py {word}" in commands
    assert f'"{word}"' in (ROOT / "tests/acceptance/test_django_shop.py").read_text("utf-8")


def test_readme_lines_for_django_are_the_examples() -> None:
    (block,) = blocks("README.md", "python", "From Django")
    shown = code_lines(block)
    assert 'INSTALLED_APPS += ["dispatcher.contrib.django"]' in shown
    known = example("shop/settings.py", "shop/views.py")
    assert '"dispatcher.contrib.django"' in known
    assert shown - known == {'INSTALLED_APPS += ["dispatcher.contrib.django"]'}


def test_readme_lines_for_flask_are_the_examples() -> None:
    (block,) = blocks("README.md", "python", "From Flask")
    assert code_lines(block) <= code_lines(FLASK.read_text(encoding="utf-8"))


def test_flask_page_shows_the_whole_example() -> None:
    assert blocks("docs/flask.md", "python")[0] == FLASK.read_text(encoding="utf-8")


def test_readme_is_short_and_links_every_page() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 150
    pages = {path.name for path in (ROOT / "docs").glob("*.md")} - {"index.md"}
    assert set(re.findall(r"\]\(docs/([\w-]+\.md)\)", text)) == pages

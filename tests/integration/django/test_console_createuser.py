"""``dispatcher console createuser`` refuses a user in the language of the command."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    ("language", "too_short", "no_name"),
    [
        ("en", "This password is too short", "Enter a valid username"),
        ("fr", "Ce mot de passe est trop court", "Saisissez un nom"),
    ],
)
def test_user_is_refused_in_the_language_of_the_command(
    prepared_sqlite_url: str, tmp_path: Path, language: str, too_short: str, no_name: str
) -> None:
    def refusal(name: str, password: str) -> str:
        refused = subprocess.run(
            [
                *(sys.executable, "-m", "dispatcher.cli", "console", "createuser", name),
                *("--role", "writes", "--password", password),
            ],
            cwd=tmp_path,
            env={
                "PATH": os.environ["PATH"],
                "PYTHONPATH": str(ROOT),
                "DISPATCHER_DATABASE_URL": prepared_sqlite_url,
                "DISPATCHER_LANGUAGE": language,
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert refused.returncode == 2, refused.stderr
        return refused.stderr

    assert too_short in refusal("zoe", "fjord")
    assert no_name in refusal("zoe !", "soleil-vert-27-matin")

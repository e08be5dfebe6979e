"""Whatever a command prints goes through one module, which makes control characters visible."""

from __future__ import annotations

import re
from pathlib import Path

CLI = Path(__file__).parents[3] / "dispatcher" / "cli"
#: what prints as it is; a question is made visible where it is asked
PRINTS = re.compile(r"\bclick\.(?:echo|secho|prompt)\(|(?<![\w.])print\(|std(?:out|err)\.write\(")


def test_only_one_module_of_the_command_line_prints() -> None:
    printing = {
        path.relative_to(CLI).as_posix()
        for path in CLI.rglob("*.py")
        if PRINTS.search(path.read_text(encoding="utf-8"))
    }

    assert printing == {"output.py"}

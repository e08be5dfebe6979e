"""The demo: 5,000 rows through real processes to the last delivery report, checked one by one.

``dispatcher demo``, ``make demo`` or ``python -m dispatcher.sandbox.demo``. It needs no account
and no server, and nothing leaves the machine: the gateway is the fake one.
"""

from __future__ import annotations

import io
import json
import re
import signal
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Any, Final, NoReturn
from zoneinfo import ZoneInfo

from rich.console import Console

from dispatcher.errors import ConfigurationError
from dispatcher.sandbox.audit import audit
from dispatcher.sandbox.customers import ENCODING, Customers, write_customers
from dispatcher.sandbox.installation import DATABASE, LEDGER, Installation, InstallationError
from dispatcher.sandbox.report import faults_of, side_by_side

#: the Saturday before Easter, when it is day in every territory of the file
CLOCK: Final = datetime(2027, 3, 27, 14, tzinfo=ZoneInfo("Europe/Paris"))
#: when the second campaign may leave: Sunday and Easter Monday are closed, summer time begins
TUESDAY: Final = datetime(2027, 3, 30, 8, tzinfo=ZoneInfo("Europe/Paris"))
DIRECTORY: Final = Path("var/demo")
NOW: Final = "soldes-2027"
LATER: Final = "paques-2027"

_FILE: Final = "clients.csv"
_PLAN: Final = "plan.json"
_TEXT: Final = 'Bonjour {{ Prénom | default("à tous") }}, -20 % chez MaBoutique samedi !'
#: so many recipients are on the gateway's STOP list
_STOPPED: Final = 40
_UNENDED: Final = ("pending", "in_doubt", "sent")
#: seconds in which every message must have ended
_PATIENCE: Final = 120.0


def run(directory: Path = DIRECTORY, *, rows: int = 5000) -> int:
    """Run the demo with its files in ``directory``; returns the exit code.

    0 says that the database and the gateway's ledger agree on every recipient, 1 that they do
    not or that something did not work, 130 that it was interrupted. Call it from the main
    thread.
    """
    console = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)
    before = signal.signal(signal.SIGTERM, _terminated)
    try:
        return 0 if _Demo(console, directory, rows).play() else 1
    except ConfigurationError as error:
        console.print(f"\nerror: {error}")
        return 1
    except InstallationError as error:
        console.print(f"\nerror: {error}\n  what the processes said is in {directory}/*.log")
        return 1
    except KeyboardInterrupt:
        console.print("\ninterrupted; every process is stopped")
        return 130
    finally:
        signal.signal(signal.SIGTERM, before)


def _terminated(_signum: int, _frame: object) -> NoReturn:
    raise KeyboardInterrupt


class _Demo:
    """The steps of the demo."""

    def __init__(self, console: Console, directory: Path, rows: int) -> None:
        self._console = console
        self._directory = directory
        self._rows = rows
        self._step = 0

    def play(self) -> bool:
        """Run all steps; True if database and ledger agree."""
        self._say("A demo of the SMS campaign dispatcher. Nothing leaves this machine.")
        self._say(
            f"For all of its processes it is now {CLOCK:%A} {CLOCK.day} {CLOCK:%B %Y, %H:%M} in"
            " Paris, the day before Easter."
        )
        with Installation(self._directory, CLOCK) as installation:
            customers = self._plan(installation)
            self._start(installation)
            self._send(installation)
            self._wait(installation)
            return self._check(installation, customers)

    def _start(self, installation: Installation) -> None:
        server = installation.redis.server
        self._title(
            f"{server.name.title()} {server.version}, the fake gateway, two workers and beat"
        )
        begun = time.monotonic()
        self._run(installation, "migrate")
        processes = {
            "worker1": ["worker", "--hostname", "worker1@%h", "--loglevel", "INFO"],
            "worker2": ["worker", "--hostname", "worker2@%h", "--loglevel", "INFO"],
            "beat": ["beat", "--loglevel", "INFO"],
        }
        for arguments in processes.values():
            self._command("celery", "-A", "workers", *arguments, after=" &")
        installation.celery(**processes)
        self._say(
            f"ready after {time.monotonic() - begun:.1f} s; their logs are in {self._directory}"
        )

    def _plan(self, installation: Installation) -> Customers:
        self._title(f"The plan for a list of {self._rows:,} rows, as spreadsheets write them")
        customers = write_customers(installation.directory / _FILE, rows=self._rows)
        lines = (installation.directory / _FILE).read_text(encoding=ENCODING).splitlines()
        self._command("head", "-9", _FILE)
        for line in lines[:9]:
            self._say(f"  {line}")
        installation.gateway.configure(stopped=customers.phones[:_STOPPED])
        self._run(installation, "opt-outs", "sync")
        self._run(installation, "plan", _FILE, "--text", _TEXT, "--save", _PLAN)
        return customers

    def _send(self, installation: Installation) -> None:
        self._title("The campaign, as it was planned or not at all")
        self._run(
            installation, "submit", _FILE, "--reference", NOW, "--text", _TEXT, "--plan", _PLAN
        )
        self._run(installation, "progress", NOW, "--watch", "--interval", "0.5", within=_PATIENCE)

    def _wait(self, installation: Installation) -> None:
        self._title("A second one, which asks to leave this evening after closing time")
        self._run(
            installation, "submit", _FILE, "--reference", LATER, "--text", "Joyeuses Pâques !",
            "--not-before", CLOCK.replace(hour=20).isoformat(timespec="minutes"),
        )  # fmt: skip

    def _check(self, installation: Installation, customers: Customers) -> bool:
        self._title("Every recipient in the database against the ledger of the gateway")
        reports = {
            reference: json.loads(
                installation.dispatcher(
                    "progress", reference, "--json", within=30, stdout=subprocess.PIPE
                )
            )
            for reference in (NOW, LATER)
        }
        found = audit(installation.directory / DATABASE, installation.directory / LEDGER)
        self._console.print(side_by_side(reports, found))
        self._say(
            f"{customers.rows:,} rows = {customers.recipients:,} recipients"
            f" + {customers.duplicates:,} duplicates + {customers.unusable:,} that are no mobile"
        )
        self._say(f"{_STOPPED} people are on the gateway's STOP list; none of them was texted")
        self._say(f"texted twice: {found.twice}")
        faults = [*faults_of(reports, found, customers), *_unexpected(reports, customers)]
        for sentence in faults:
            self._console.print(f"WRONG: {sentence}", style="red")
        if not faults:
            self._console.print(
                f"\nDatabase and ledger agree on all {customers.recipients:,} recipients"
                f" of both campaigns. What was made is in {self._directory}.",
                style="green",
            )
        return not faults

    def _title(self, text: str) -> None:
        self._step += 1
        self._console.print(f"\n{self._step}. {text}", style="bold")

    def _run(self, installation: Installation, *arguments: str, within: float = 60.0) -> None:
        self._command("dispatcher", *arguments)
        installation.dispatcher(*arguments, within=within)

    def _command(self, *words: str, after: str = "") -> None:
        self._console.print(f"$ {' '.join(map(_quoted, words))}{after}", style="cyan")

    def _say(self, text: str) -> None:
        self._console.print(text)


def _unexpected(reports: dict[str, dict[str, Any]], customers: Customers) -> list[str]:
    """What should have become of the two campaigns, and has not."""
    now, later = reports[NOW], reports[LATER]
    faults = []
    if now["state"] != "finished" or any(now["messages"][state] for state in _UNENDED):
        faults.append(f"{NOW} has not come to its end")
    waits = later["waits_until"]
    waiting = later["messages"]["pending"] + later["messages"]["opted_out"]
    if waiting != customers.recipients or waits is None or datetime.fromisoformat(waits) != TUESDAY:
        faults.append(f"not all of {LATER} waits for Tuesday 08:00")
    return faults


def _quoted(word: str) -> str:
    return word if re.fullmatch(r"[\w@%./:=+-]+", word) else "'" + word.replace("'", "'\\''") + "'"


if __name__ == "__main__":
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal that knows no accents
    sys.exit(run())

"""``dispatcher recording``: records what a gateway answers, and compares the fake one with it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dispatcher.campaigns.wording import counted
from dispatcher.cli.commands.sandbox import switch
from dispatcher.cli.exits import Refusal, Unusable
from dispatcher.cli.output import quote, say

if TYPE_CHECKING:
    from dispatcher.sandbox.recording.script import Step
    from dispatcher.sandbox.recording.transcript import Answered


@click.command(hidden=True)
@click.argument("script", required=False, type=click.Path(dir_okay=False, path_type=Path))
@click.option("--out", metavar="FILE", help="Where the transcript goes; it must not exist.")
@click.option(
    "--compare", metavar="FILE", help="Hold the fake gateway against a transcript instead."
)
@click.option("--switch", "switches", multiple=True, metavar="NAME=JSON", help="With --compare.")
@click.option("--changes", is_flag=True, help="Play also what may cost money or change something.")
@click.option(
    "--pace",
    type=click.FloatRange(0, 60),
    default=0.2,
    show_default=True,
    help="Seconds between two calls.",
)
def recording(
    *,
    script: Path | None,
    out: str | None,
    compare: str | None,
    switches: tuple[str, ...],
    changes: bool,
    pace: float,
) -> None:
    """Play a SCRIPT of calls to the gateway, and write down the shapes of its answers.

    Without a SCRIPT it is every call that costs nothing. Sends are made in the gateway's sandbox
    mode: nobody is texted. The transcript holds no key, no number, no text and no name.
    """
    if (out is None) == (compare is None):
        raise Unusable("one of --out and --compare is needed")
    if compare is not None:
        if script is not None or changes:
            raise Unusable("--compare plays the transcript, and no other script")
        _compare(Path(compare), switches)
    elif out is not None:
        if switches:
            raise Unusable("--switch is for --compare")
        _record(script, Path(out), changes=changes, pace=pace)


def _record(script: Path | None, out: Path, *, changes: bool, pace: float) -> None:
    from dispatcher.errors import ConfigurationError
    from dispatcher.recipients.files import NewFile
    from dispatcher.sandbox.recording import recorder
    from dispatcher.sandbox.recording.script import every_call, read_script
    from dispatcher.settings import Settings

    steps = every_call() if script is None else read_script(_read(script))
    recorder.check(steps, changes=changes)
    settings = Settings.from_env()
    if settings.api_key is None:
        raise ConfigurationError("DISPATCHER_API_KEY is not set")
    try:
        # made first: nothing is asked for what cannot be written
        file = NewFile(out, replaces=False)
    except OSError as error:
        raise Unusable(f"{out}: {error.strerror}") from None
    try:
        transcript = recorder.record(
            steps,
            settings.api_url,
            settings.api_key.get_secret_value(),
            pace=pace,
            call_timeout=settings.call_timeout,
            on_step=_show,
        )
        file.stream.write(transcript.dumps().encode())
        file.close()
    except BaseException:
        file.discard()
        raise
    say(f"{len(transcript.steps)} steps are in {out}, without a key, a number or a text")


def _show(number: int, step: Step, answered: Answered) -> None:
    quote(f"{number:3}  {step.call}  {answered.status or answered.outline}")


def _compare(path: Path, switches: tuple[str, ...]) -> None:
    from dispatcher.sandbox.recording.comparison import closest, compare
    from dispatcher.sandbox.recording.transcript import Transcript

    transcript = Transcript.loads(_read(path))
    behaviour = dict(map(switch, switches))
    try:
        found = compare(transcript, behaviour)
        best, left = closest(transcript, behaviour)
    except (TypeError, ValueError, ArithmeticError) as error:
        raise Unusable(f"--switch: {error}") from None
    for difference in found:
        say(str(difference))
    if not found:
        say(f"the fake gateway answers all {len(transcript.steps)} steps in the same shapes")
        return
    more = [f"--switch {name}={json.dumps(best[name])}" for name in best if name not in behaviour]
    if more:
        say(f"with {' '.join(more)} it differs in {counted(len(left), 'place')}")
    raise Refusal(f"the fake gateway differs in {counted(len(found), 'place')}")


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Unusable(f"{path}: {error.strerror}") from None

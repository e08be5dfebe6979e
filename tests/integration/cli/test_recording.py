"""``dispatcher recording`` as a process, against the fake gateway as another."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dispatcher.sandbox.process import Sandbox
from dispatcher.sandbox.recording.script import every_call
from tests.waiting import PATIENCE

TEXT = "Rendez-vous chez le docteur Martin"
SCRIPT = f"""
[[step]]
call = "POST /send"
body = {{ phoneNumbers = "+33639984321,0639984322", message = "{TEXT}", sender = "DrMartin" }}
keep = {{ id = "message_id" }}

[[step]]
call = "GET /message-status"
query = {{ messageId = "$id", phoneNumber = "0639984321" }}
"""


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    with Sandbox(delivery_seconds=(0, 0)) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running: Sandbox) -> Iterator[Sandbox]:
    yield running
    running.clear_faults()
    running.configure(http_status_mode="400", message_id_type="int")


def dispatcher(
    directory: Path, *arguments: str, sandbox: Sandbox | None = None
) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("DISPATCHER_")}
    if sandbox is not None:
        environment |= {"DISPATCHER_API_URL": sandbox.url, "DISPATCHER_API_KEY": sandbox.key}
    return subprocess.run(
        [sys.executable, "-m", "dispatcher.cli", *arguments],
        cwd=directory,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )


def test_every_call_is_recorded_and_the_same_gateway_does_not_differ(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    made = dispatcher(tmp_path, "recording", "--out", "all.json", "--pace", "0", sandbox=sandbox)
    assert made.returncode == 0, made.stderr
    assert f"{len(every_call())} steps are in all.json" in made.stdout
    assert sandbox.texted() == {}  # everything was only tried out
    compared = dispatcher(tmp_path, "recording", "--compare", "all.json")
    assert compared.returncode == 0, compared.stdout
    assert "in the same shapes" in compared.stdout


def test_differing_gateway_is_found_with_the_switches_that_explain_it(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    sandbox.configure(http_status_mode="200", message_id_type="str")
    dispatcher(tmp_path, "recording", "--out", "all.json", "--pace", "0", sandbox=sandbox)
    compared = dispatcher(tmp_path, "recording", "--compare", "all.json")
    assert compared.returncode == 1
    assert "step 2, GET /me: the HTTP status is 200 in the transcript" in compared.stdout
    assert "message_id is text: digits in the transcript, int in the fake" in compared.stdout
    result = compared.stdout.splitlines()[-1]
    assert result.startswith("with --switch ")
    assert result.endswith("it differs in 0 places")
    found = [word for word in result.split() if "=" in word]
    assert sorted(found) == ['http_status_mode="200"', 'message_id_type="str"']
    switches = [part for switch in found for part in ("--switch", switch)]
    again = dispatcher(tmp_path, "recording", "--compare", "all.json", *switches)
    assert again.returncode == 0, again.stdout


def test_transcript_has_no_personal_data(sandbox: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "script.toml").write_text(SCRIPT, encoding="utf-8")
    made = dispatcher(
        tmp_path, "recording", "script.toml", "--out", "t.json", "--pace", "0", sandbox=sandbox
    )
    assert made.returncode == 0, made.stderr
    text = (tmp_path / "t.json").read_text(encoding="utf-8")
    for secret in ("998432", "Martin", "docteur", "DrMartin", sandbox.key):
        assert secret not in text + made.stdout
    step = json.loads(text)["steps"][0]
    assert step["body"] == {
        "phoneNumbers": "+33639980001,0639980002",
        "message": "Xxxxxx-xxxx xxxx xx xxxxxxx Xxxxxx",
        "sender": "Sender1",
    }
    assert stat.S_IMODE((tmp_path / "t.json").stat().st_mode) == 0o600
    # what was masked can be played, and was answered in the same way
    assert dispatcher(tmp_path, "recording", "--compare", "t.json").returncode == 0


def test_missing_answer_is_recorded_and_the_next_step_runs(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    (tmp_path / "script.toml").write_text(SCRIPT, encoding="utf-8")
    sandbox.fault("reset_after_read", "/v1/send")
    made = dispatcher(
        tmp_path, "recording", "script.toml", "--out", "t.json", "--pace", "0", sandbox=sandbox
    )
    assert made.returncode == 0, made.stderr
    first, second = json.loads((tmp_path / "t.json").read_text(encoding="utf-8"))["steps"]
    assert first["answer"]["status"] == 0
    assert first["answer"]["outline"].startswith("no answer: ")
    assert second["answer"]["status"] == 400
    compared = dispatcher(tmp_path, "recording", "--compare", "t.json")
    assert "step 1" not in compared.stdout


def test_step_that_may_change_something_needs_an_option(sandbox: Sandbox, tmp_path: Path) -> None:
    script = '[[step]]\ncall = "POST /stop-sms/add"\nbody = { phoneNumber = "+33639980001" }\n'
    (tmp_path / "script.toml").write_text(script, encoding="utf-8")
    arguments = ["recording", "script.toml", "--out", "t.json"]
    refused = dispatcher(tmp_path, *arguments, sandbox=sandbox)
    assert refused.returncode == 2
    assert "step 1 (POST /stop-sms/add) may cost money" in refused.stderr
    assert sandbox.state()["stopped"] == []
    assert not (tmp_path / "t.json").exists()
    made = dispatcher(tmp_path, *arguments, "--changes", sandbox=sandbox)
    assert made.returncode == 0, made.stderr
    assert sandbox.state()["stopped"] == ["+33639980001"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        pytest.param((), "one of --out and --compare is needed", id="nothing"),
        pytest.param(("--out", "a", "--compare", "b"), "one of --out and --compare", id="both"),
        pytest.param(("x.toml", "--compare", "b"), "plays the transcript", id="two scripts"),
        pytest.param(("--out", "a", "--switch", "x=1"), "--switch is for --compare", id="switch"),
        pytest.param(("no.toml", "--out", "a"), "no.toml: No such file", id="no script"),
        pytest.param(("--compare", "no.json"), "no.json: No such file", id="no transcript"),
        pytest.param(("--compare", "script.toml"), "the transcript is not JSON", id="no JSON"),
        pytest.param(("script.toml", "--out", "script.toml"), "File exists", id="a file that is"),
        pytest.param(("script.toml", "--out", "no/t.json"), "No such file", id="no directory"),
        pytest.param(("broken.toml", "--out", "t.json"), "the script is not TOML", id="no TOML"),
    ],
)
def test_wrong_options_end_with_one_sentence_and_write_no_file(
    sandbox: Sandbox, tmp_path: Path, arguments: tuple[str, ...], sentence: str
) -> None:
    (tmp_path / "script.toml").write_text(SCRIPT, encoding="utf-8")
    (tmp_path / "broken.toml").write_text("[[step]", encoding="utf-8")
    done = dispatcher(tmp_path, "recording", *arguments, sandbox=sandbox)
    assert done.returncode == 2
    assert done.stderr.startswith("dispatcher: ")
    assert done.stderr.count("\n") == 1
    assert sentence in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["broken.toml", "script.toml"]


def test_recording_without_a_key_is_refused(tmp_path: Path) -> None:
    done = dispatcher(tmp_path, "recording", "--out", "t.json")
    assert done.returncode == 2
    assert "DISPATCHER_API_KEY is not set" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_unknown_switch_ends_with_one_sentence(sandbox: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "script.toml").write_text(SCRIPT, encoding="utf-8")
    dispatcher(
        tmp_path, "recording", "script.toml", "--out", "t.json", "--pace", "0", sandbox=sandbox
    )
    done = dispatcher(tmp_path, "recording", "--compare", "t.json", "--switch", "mood=bad")
    assert done.returncode == 2
    assert "--switch: no switch is called 'mood'" in done.stderr

"""What a worker process loads, and how it keeps its memory."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.libraries import needs_workers
from tests.waiting import PATIENCE

pytestmark = needs_workers

ROOT = Path(__file__).parents[3]
_NO_BROKER = "DISPATCHER_BROKER_URL is not set; dispatcher run embeds a Redis"

_PROGRAM = """
import sys
import workers.__main__, workers.tasks
from dispatcher.window.territories import closed_days
assert closed_days("martinique", 2027)
print(*sys.modules)
"""
_HEAPS = """
import ctypes, threading
from workers.memory import share_heap

libc = ctypes.CDLL(None)
libc.malloc.restype = libc.fdopen.restype = ctypes.c_void_p
{share}
together = threading.Barrier(8)

def allocate():
    together.wait()
    libc.malloc(ctypes.c_size_t(100_000))
    together.wait()

threads = [threading.Thread(target=allocate) for _ in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
out = ctypes.c_void_p(libc.fdopen(1, b"w"))
libc.malloc_info(0, out)
libc.fflush(out)
"""


def run(program: str) -> str:
    settings = {"DISPATCHER_BROKER_URL": "redis://127.0.0.1:1/0", "DISPATCHER_API_KEY": "k" * 40}
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_worker_process_imports_no_unused_module() -> None:
    """Each of these takes megabytes, in every worker."""
    loaded = set(run(_PROGRAM).split())
    assert "workers.tasks" in loaded
    unused = {"alembic", "flower", "prompt_toolkit", "holidays.countries", "phonenumbers"}
    assert not loaded & (unused | {"flask", "django.conf", "prometheus_client", "openpyxl"})


def start(*argv: str) -> subprocess.CompletedProcess[str]:
    """What a process does that no setting tells where the broker is."""
    others = {k: v for k, v in os.environ.items() if not k.startswith(("DISPATCHER_", "CELERY_"))}
    return subprocess.run(
        [sys.executable, "-m", *argv],
        cwd=ROOT,
        env=others,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )


@pytest.mark.parametrize("process", ["worker", "beat", "flower"])
@pytest.mark.parametrize("program", ["dispatcher.cli celery", "celery -A workers"])
def test_process_without_a_broker_ends_with_a_sentence(program: str, process: str) -> None:
    done = start(*program.split(), process)
    assert done.returncode == 1
    assert done.stderr == f"error: {_NO_BROKER}\n"


@pytest.mark.parametrize("words", ["inspect ping", "purge -f", "events --dump", "call x"])
def test_command_without_a_broker_ends_with_a_sentence(words: str) -> None:
    done = start("dispatcher.cli", "celery", *words.split())
    assert done.returncode == 1
    assert done.stderr.endswith(f"Error: {_NO_BROKER}\n")


@pytest.mark.parametrize("words", ["--help", "beat --help", "flower --help", "report"])
def test_help_needs_no_broker(words: str) -> None:
    done = start("celery", "-A", "workers", *words.split())
    assert done.returncode == 0, done.stderr
    assert _NO_BROKER not in done.stdout + done.stderr


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another allocator")
def test_shared_heap_serves_all_threads() -> None:
    heaps = [
        len(re.findall("<heap nr", run(_HEAPS.format(share=share))))
        for share in ("", "share_heap()")
    ]
    assert heaps[0] > 1
    assert heaps[1] == 1

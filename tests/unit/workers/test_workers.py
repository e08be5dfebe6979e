"""What a worker process loads, and how it keeps its memory."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys

import pytest

from tests.libraries import needs_workers

pytestmark = needs_workers

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


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another allocator")
def test_shared_heap_serves_all_threads() -> None:
    heaps = [
        len(re.findall("<heap nr", run(_HEAPS.format(share=share))))
        for share in ("", "share_heap()")
    ]
    assert heaps[0] > 1
    assert heaps[1] == 1

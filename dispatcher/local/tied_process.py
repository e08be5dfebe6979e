"""Ties a child process to this one: the system kills it when this process ends, however it ends."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

# Runs in the child and then becomes the command, so that no process is added and its id is the
# command's. A preexec_fn would do the same, but runs Python between fork and exec: it may hang a
# process that has threads, and Python 3.12 warns of it. Python ignores SIGPIPE; a command must not.
_LAUNCHER = """
import ctypes, os, signal, sys
parent, *argv = sys.argv[1:]
signal.signal(signal.SIGPIPE, signal.SIG_DFL)
signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
ctypes.CDLL(None).prctl(1, int(signal.SIGKILL), 0, 0, 0)  # PR_SET_PDEATHSIG
if os.getppid() != int(parent):
    sys.exit(1)  # it died before the line above
try:
    os.execvp(argv[0], argv)
except OSError as error:
    print(f"{argv[0]}: {error.strerror}", file=sys.stderr)
    sys.exit(127)
"""


def tied_to_parent(argv: Sequence[str]) -> list[str]:
    """The command that runs ``argv`` and is killed by the system when this process ends.

    Linux only; elsewhere it is ``argv`` itself. The kernel watches the *thread* that starts the
    command: start it from one that lives as long as the child should.
    """
    if sys.platform != "linux":
        return list(argv)
    return [sys.executable, "-I", "-S", "-c", _LAUNCHER, str(os.getpid()), *argv]

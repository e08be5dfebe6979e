"""Runs the command line ``dispatcher`` and prints its cost as the last line.

``python -m benchmarks.watched submit …``; the figures are JSON: seconds of CPU, and the largest
resident set in bytes. Both begin with this process, its start-up included.
"""

from __future__ import annotations

import json
import os
import sys
import time

from benchmarks.processes import peak_memory
from dispatcher.cli import main

if __name__ == "__main__":
    code: object = 0
    try:
        main()
    except SystemExit as end:
        code = end.code
    took = {"cpu": time.process_time(), "peak": peak_memory(os.getpid()), "code": code}
    sys.stdout.write(f"{json.dumps(took)}\n")

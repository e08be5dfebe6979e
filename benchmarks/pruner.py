"""One process that does nothing but retention: a run for each line of its standard input.

After each run it prints how many batches were replaced, and the largest resident set that it has
ever had, in bytes.
"""

from __future__ import annotations

import logging
import os
import sys

from benchmarks.processes import peak_memory
from dispatcher import Dispatcher, Settings

if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    dispatcher = Dispatcher(Settings.from_env())
    sys.stdout.write("ready\n")
    for turn, _ in enumerate(sys.stdin, start=1):
        replaced = dispatcher.steps.prune()
        sys.stdout.write(f"run {turn} replaced {replaced} with {peak_memory(os.getpid())}\n")
    dispatcher.database.close()

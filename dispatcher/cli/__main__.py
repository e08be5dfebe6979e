"""``python -m dispatcher.cli``, the same as ``dispatcher``."""

from dispatcher.cli.main import main

main()

"""``python -m dispatcher.cli``, the same as ``dispatcher``."""

from dispatcher.cli.group import main

main()

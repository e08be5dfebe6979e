"""The command line ``dispatcher``."""

from dispatcher.cli.group import cli, main

__all__ = ["cli", "main"]

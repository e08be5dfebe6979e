"""The command line ``dispatcher``."""

from dispatcher.cli.main import cli, commands_of, main

__all__ = ["cli", "commands_of", "main"]

"""The command line ``dispatcher``."""

from dispatcher.cli.group import cli, commands_of, main

__all__ = ["cli", "commands_of", "main"]

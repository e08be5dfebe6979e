"""The fake gateway as a child process, by the name under which programs import it."""

from dispatcher.sandbox.gateway.process import Sandbox

__all__ = ["Sandbox"]

"""Phone numbers: ``normalise(raw)`` gives E.164 or raises ``InvalidPhone``."""

from dispatcher.errors import InvalidPhone
from dispatcher.recipients.phones import normalise

__all__ = ["InvalidPhone", "normalise"]

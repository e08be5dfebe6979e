"""Everything that the dispatcher raises, in one tree.

DispatcherError
├── ConfigurationError      a setting is missing or wrong
├── UnusableInput           what the caller gave cannot be used; nothing was stored
│   ├── InvalidPhone        a number that cannot be texted, with its .reason
│   ├── InvalidText         a text that cannot be sent
│   ├── InvalidFile         a file that cannot be read as recipients
│   ├── InvalidCampaign     a sender, a date or a list that cannot make a campaign
│   ├── PlanChanged         what is submitted is not what was approved
│   ├── InvalidRequest      what the gateway would be asked cannot be asked of it
│   └── InvalidPayload      what came in from outside is not what the gateway sends
├── ReferenceTaken          the same reference was submitted with another body
├── NotFound                no campaign or batch goes by that name
├── IllegalMove             the state does not allow what was asked
├── StorageError            the database cannot be used
├── BrokerError             Redis cannot be reached
└── GatewayError            the gateway cannot be used (never reaches a caller of submit)
    ├── GatewayRefused      it said no, with its .code
    └── GatewayUnreached    it was never asked: not one byte left

No message carries a phone number, a text or a key.
"""

from __future__ import annotations


class DispatcherError(Exception):
    """Base of everything that the dispatcher raises on purpose."""


class ConfigurationError(DispatcherError):
    """Raised when a setting is missing or wrong; the message names it."""


class UnusableInput(DispatcherError):
    """Raised when what the caller gave cannot be used; nothing was stored."""


class InvalidPhone(UnusableInput):
    """Raised when a raw number cannot be texted.

    ``reason`` is one of the closed set ``dispatcher.recipients.phones.REASONS``. The number itself
    is never in the message.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class InvalidText(UnusableInput):
    """Raised when a text is empty, too long or holds what cannot be sent."""


class InvalidFile(UnusableInput):
    """Raised when a file cannot be read as recipients; the message names row and column."""


class InvalidCampaign(UnusableInput):
    """Raised when a sender, a date or a list of recipients cannot make a campaign."""


class PlanChanged(UnusableInput):
    """Raised when what is submitted, its segments or its cost are not what was approved."""


class InvalidRequest(UnusableInput):
    """Raised when a request to the gateway cannot be made: a tag, a date, too many numbers."""


class InvalidPayload(UnusableInput):
    """Raised when a call that came in is not one that the gateway makes, or is too large."""


class ReferenceTaken(DispatcherError):
    """Raised when a reference is submitted again with a different body."""


class NotFound(DispatcherError):
    """Raised when no campaign or batch goes by the given name."""


class IllegalMove(DispatcherError):
    """Raised when the present state does not allow what was asked."""


class StorageError(DispatcherError):
    """Raised when the database cannot be reached or has an unknown schema."""


class BrokerError(DispatcherError):
    """Raised when Redis does not answer; only a start or a check of it asks."""


class GatewayError(DispatcherError):
    """Raised when the gateway cannot be used; never carries a URL, a key or a number.

    The plain class says that nobody knows: a request that changes something may have been heard.
    """


class GatewayRefused(GatewayError):
    """Raised when the gateway says no; ``code`` is its own, and differs from call to call."""

    def __init__(self, code: int) -> None:
        super().__init__(f"the gateway answered code {code}")
        self.code = code


class GatewayUnreached(GatewayError):
    """Raised when not one byte of a request left: nothing was changed, for certain."""

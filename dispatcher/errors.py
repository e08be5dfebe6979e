"""All errors of the dispatcher, in one tree.

DispatcherError
├── ConfigurationError      a setting is missing or wrong
├── UnusableInput           the input cannot be used; nothing was stored
│   ├── InvalidPhone        a number that cannot be texted, with its .reason
│   ├── InvalidText         a text that cannot be sent
│   ├── InvalidFile         a file that cannot be read as recipients
│   ├── InvalidCampaign     a wrong sender, date or list of recipients
│   │   └── NobodyToText    no recipient can be texted, with its .reasons
│   ├── PlanChanged         the submission differs from the approved plan
│   ├── InvalidRequest      a request that the gateway does not allow
│   └── InvalidPayload      a webhook call that the gateway does not make
├── ReferenceTaken          the same reference was submitted with another body
├── NotFound                no campaign or batch has that name
├── IllegalMove             the present state does not allow the action
│   └── DraftChanged        somebody else saved the draft meanwhile, with its .version
├── NotAllowed              this person may not do it, or only after somebody's approval
├── StorageError            the database cannot be used
├── BrokerError             Redis cannot be reached
└── GatewayError            the gateway cannot be used (never reaches a caller of submit)
    ├── GatewayRefused      it refused, with its .code
    ├── GatewayUnreached    it was not reached: not one byte left
    └── NotAnAnswer         it answered something else than the call's page documents

No message contains a phone number, a text or a key.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from dispatcher.masking import masked


class DispatcherError(Exception):
    """Base of everything that the dispatcher raises on purpose.

    A message quotes what a caller gave, such as a reference: numbers in it are masked.
    """

    def __init__(self, *words: object) -> None:
        super().__init__(*(masked(word) if isinstance(word, str) else word for word in words))


def code_of(error: DispatcherError) -> str:
    """The kind of an error as one word for programs."""
    match error:
        case PlanChanged():
            return "plan_changed"
        case UnusableInput():
            return "unusable_input"
        case ReferenceTaken():
            return "reference_taken"
        case DraftChanged():
            return "draft_changed"
        case IllegalMove():
            return "illegal_move"
        case NotAllowed():
            return "not_allowed"
        case NotFound():
            return "not_found"
        case ConfigurationError():
            return "misconfigured"
        case _:
            return "unavailable"


class ConfigurationError(DispatcherError):
    """Raised when a setting is missing or wrong; the message names it."""


class UnusableInput(DispatcherError):
    """Raised when input cannot be used; nothing was stored."""


class InvalidPhone(UnusableInput):
    """Raised when a raw number cannot be texted.

    ``reason`` is one of the closed set ``dispatcher.recipients.phones.REASONS``. The message never
    contains the number.
    """

    def __init__(self, reason: str) -> None:
        Exception.__init__(self, reason)  # one of few words: nothing is looked for in it
        self.reason = reason


class InvalidText(UnusableInput):
    """Raised when a text is empty, too long, or has a character that cannot be sent."""


class InvalidFile(UnusableInput):
    """Raised when a file cannot be read as recipients; the message names row and column."""


class InvalidCampaign(UnusableInput):
    """Raised when a sender, a date or a list of recipients is wrong for a campaign."""


class NobodyToText(InvalidCampaign):
    """Raised when no recipient of a list can be texted; ``reasons`` counts why."""

    def __init__(self, message: str, reasons: Mapping[str, int]) -> None:
        super().__init__(message)
        self.reasons = reasons

    def __reduce__(self) -> tuple[type[NobodyToText], tuple[str, Mapping[str, int]]]:
        return type(self), (str(self), self.reasons)


class PlanChanged(UnusableInput):
    """Raised when a submission, its segments or its cost differ from the approved plan."""


class InvalidRequest(UnusableInput):
    """Raised when a request to the gateway cannot be made: a tag, a date, too many numbers."""


class InvalidPayload(UnusableInput):
    """Raised when a webhook call is not one that the gateway makes, or is too large."""


class ReferenceTaken(DispatcherError):
    """Raised when a reference is submitted again with a different body."""


class NotFound(DispatcherError):
    """Raised when no campaign or batch has the given name."""


class IllegalMove(DispatcherError):
    """Raised when the present state does not allow the action."""


class DraftChanged(IllegalMove):
    """Raised when somebody saved a draft meanwhile: ``by`` made ``version`` of it at ``at``."""

    def __init__(self, reference: str, version: int, by: str, at: datetime) -> None:
        super().__init__(
            f"draft {reference!r} is version {version} by now, saved by {by} at"
            f" {at:%Y-%m-%d %H:%M} UTC: look at it, and make your change again"
        )
        self.version, self.by, self.at = version, by, at
        self._reference = reference

    def __reduce__(self) -> tuple[type[DraftChanged], tuple[str, int, str, datetime]]:
        return type(self), (self._reference, self.version, self.by, self.at)


class NotAllowed(DispatcherError):
    """Raised when this person may not do it, or only after the approval of somebody else."""


class StorageError(DispatcherError):
    """Raised when the database cannot be reached or has an unknown schema."""


class UnusableKey(StorageError):
    """Raised when a key of this installation is missing, unreadable or another one; names it."""


class BrokerError(DispatcherError):
    """Raised when Redis does not answer, at a start or in a check."""


class GatewayError(DispatcherError):
    """Raised when the gateway cannot be used; never contains a URL, a key or a number.

    The class itself means that the outcome is unknown: the gateway may have acted on the request.
    """


class GatewayRefused(GatewayError):
    """Raised when the gateway refuses; the meaning of its ``code`` depends on the call."""

    def __init__(self, code: int) -> None:
        super().__init__(f"the gateway answered code {code}")
        self.code = code


class GatewayUnreached(GatewayError):
    """Raised when not one byte of a request left: certainly nothing was changed."""


class NotAnAnswer(GatewayError):
    """Raised when the gateway answers, but not with what the page of the call documents.

    For example with a success that lacks the list, the id or the balance. It is treated as a lost
    answer: whatever was asked is asked again later.
    """

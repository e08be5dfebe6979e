"""SMS campaigns for France: inside the legal window, nobody twice, nobody lost."""

from __future__ import annotations

from dispatcher.api import Dispatcher
from dispatcher.errors import (
    ConfigurationError,
    DispatcherError,
    IllegalMove,
    InvalidCampaign,
    InvalidFile,
    InvalidPhone,
    InvalidText,
    NotFound,
    ReferenceTaken,
    StorageError,
    UnusableInput,
)
from dispatcher.progress import Progress
from dispatcher.recipients import Recipient, Rejection
from dispatcher.settings import Settings

__all__ = [
    "ConfigurationError",
    "Dispatcher",
    "DispatcherError",
    "IllegalMove",
    "InvalidCampaign",
    "InvalidFile",
    "InvalidPhone",
    "InvalidText",
    "NotFound",
    "Progress",
    "Recipient",
    "ReferenceTaken",
    "Rejection",
    "Settings",
    "StorageError",
    "UnusableInput",
]

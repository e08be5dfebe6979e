"""SMS campaigns for France: inside the legal window, nobody twice, nobody lost."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dispatcher.api import Dispatcher
    from dispatcher.doubt import Doubt, Incident
    from dispatcher.errors import (
        BrokerError,
        ConfigurationError,
        DispatcherError,
        GatewayError,
        GatewayRefused,
        GatewayUnreached,
        IllegalMove,
        InvalidCampaign,
        InvalidFile,
        InvalidPayload,
        InvalidPhone,
        InvalidRequest,
        InvalidText,
        NotFound,
        PlanChanged,
        ReferenceTaken,
        StorageError,
        UnusableInput,
    )
    from dispatcher.plan import Plan
    from dispatcher.progress import Progress
    from dispatcher.recipients import Recipient, Rejection
    from dispatcher.records import (
        ActionRecord,
        BatchRecord,
        CampaignRecord,
        MessageRecord,
        Page,
    )
    from dispatcher.replies import Reply
    from dispatcher.settings import Settings

__all__ = [
    "ActionRecord",
    "BatchRecord",
    "BrokerError",
    "CampaignRecord",
    "ConfigurationError",
    "Dispatcher",
    "DispatcherError",
    "Doubt",
    "GatewayError",
    "GatewayRefused",
    "GatewayUnreached",
    "IllegalMove",
    "Incident",
    "InvalidCampaign",
    "InvalidFile",
    "InvalidPayload",
    "InvalidPhone",
    "InvalidRequest",
    "InvalidText",
    "MessageRecord",
    "NotFound",
    "Page",
    "Plan",
    "PlanChanged",
    "Progress",
    "Recipient",
    "ReferenceTaken",
    "Rejection",
    "Reply",
    "Settings",
    "StorageError",
    "UnusableInput",
]

_HOMES = {
    "ActionRecord": "records",
    "BatchRecord": "records",
    "CampaignRecord": "records",
    "Dispatcher": "api",
    "Doubt": "doubt",
    "Incident": "doubt",
    "MessageRecord": "records",
    "Page": "records",
    "Plan": "plan",
    "Progress": "progress",
    "Recipient": "recipients",
    "Rejection": "recipients",
    "Reply": "replies",
    "Settings": "settings",
}


def __getattr__(name: str) -> object:
    # looked up at first use: the fake gateway and `dispatcher --help` need neither SQL nor Celery
    if name not in __all__:
        raise AttributeError(f"module 'dispatcher' has no attribute {name!r}")
    value = getattr(import_module(f"dispatcher.{_HOMES.get(name, 'errors')}"), name)
    globals()[name] = value
    return value

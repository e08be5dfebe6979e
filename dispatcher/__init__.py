"""SMS campaigns for France: inside the legal window, nobody twice, nobody lost."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dispatcher.api.dispatcher import Dispatcher
    from dispatcher.api.webhooks import Webhooks
    from dispatcher.campaigns.budgets import Budget
    from dispatcher.campaigns.consent import Consent, Person
    from dispatcher.campaigns.draft import Draft, DraftRow
    from dispatcher.campaigns.events import Event
    from dispatcher.campaigns.message_changes import MessageChange, MessageChanges
    from dispatcher.campaigns.plan import Plan
    from dispatcher.campaigns.progress import Progress
    from dispatcher.campaigns.records import (
        ActionRecord,
        BatchRecord,
        CampaignRecord,
        Doubt,
        Incident,
        MessageRecord,
        Page,
        Reply,
    )
    from dispatcher.campaigns.results import Result
    from dispatcher.campaigns.spend import Amount, Spend, SpendRow
    from dispatcher.campaigns.testers import Tester, TestProgress, TestSend
    from dispatcher.dispatch.events import (
        budget_reached,
        campaign_finished,
        campaign_paused,
        doubt_raised,
        messages_changed,
        occurrence_blocked,
        occurrence_late,
        occurrence_skipped,
        opt_out_added,
        reply_received,
        stop_storm,
        verify,
    )
    from dispatcher.errors import (
        BrokerError,
        ConfigurationError,
        DispatcherError,
        DraftChanged,
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
        NobodyToText,
        NotAllowed,
        NotAnAnswer,
        NotFound,
        PlanChanged,
        ReferenceTaken,
        StorageError,
        UnusableInput,
        UnusableKey,
    )
    from dispatcher.recipients import Recipient, Rejection
    from dispatcher.rehearsal import Rehearsal, rehearse
    from dispatcher.settings import Settings
    from dispatcher.settings.logs import scrubber

__all__ = [
    "ActionRecord",
    "Amount",
    "BatchRecord",
    "BrokerError",
    "Budget",
    "CampaignRecord",
    "ConfigurationError",
    "Consent",
    "Dispatcher",
    "DispatcherError",
    "Doubt",
    "Draft",
    "DraftChanged",
    "DraftRow",
    "Event",
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
    "MessageChange",
    "MessageChanges",
    "MessageRecord",
    "NobodyToText",
    "NotAllowed",
    "NotAnAnswer",
    "NotFound",
    "Page",
    "Person",
    "Plan",
    "PlanChanged",
    "Progress",
    "Recipient",
    "ReferenceTaken",
    "Rehearsal",
    "Rejection",
    "Reply",
    "Result",
    "Settings",
    "Spend",
    "SpendRow",
    "StorageError",
    "TestProgress",
    "TestSend",
    "Tester",
    "UnusableInput",
    "UnusableKey",
    "Webhooks",
    "budget_reached",
    "campaign_finished",
    "campaign_paused",
    "doubt_raised",
    "messages_changed",
    "occurrence_blocked",
    "occurrence_late",
    "occurrence_skipped",
    "opt_out_added",
    "rehearse",
    "reply_received",
    "scrubber",
    "stop_storm",
    "verify",
]

_HOMES = {
    "ActionRecord": "campaigns.records",
    "Amount": "campaigns.spend",
    "BatchRecord": "campaigns.records",
    "Budget": "campaigns.budgets",
    "CampaignRecord": "campaigns.records",
    "Consent": "campaigns.consent",
    "Dispatcher": "api.dispatcher",
    "Doubt": "campaigns.records",
    "Draft": "campaigns.draft",
    "DraftRow": "campaigns.draft",
    "Event": "campaigns.events",
    "Incident": "campaigns.records",
    "MessageChange": "campaigns.message_changes",
    "MessageChanges": "campaigns.message_changes",
    "MessageRecord": "campaigns.records",
    "Page": "campaigns.records",
    "Person": "campaigns.consent",
    "Plan": "campaigns.plan",
    "Progress": "campaigns.progress",
    "Recipient": "recipients",
    "Rehearsal": "rehearsal",
    "Rejection": "recipients",
    "Reply": "campaigns.records",
    "Result": "campaigns.results",
    "Settings": "settings",
    "Spend": "campaigns.spend",
    "SpendRow": "campaigns.spend",
    "TestProgress": "campaigns.testers",
    "TestSend": "campaigns.testers",
    "Tester": "campaigns.testers",
    "Webhooks": "api.webhooks",
    "budget_reached": "dispatch.events",
    "campaign_finished": "dispatch.events",
    "campaign_paused": "dispatch.events",
    "doubt_raised": "dispatch.events",
    "messages_changed": "dispatch.events",
    "occurrence_blocked": "dispatch.events",
    "occurrence_late": "dispatch.events",
    "occurrence_skipped": "dispatch.events",
    "opt_out_added": "dispatch.events",
    "rehearse": "rehearsal",
    "reply_received": "dispatch.events",
    "stop_storm": "dispatch.events",
    "scrubber": "settings.logs",
    "verify": "dispatch.events",
}


def __getattr__(name: str) -> object:
    # looked up at first use: the fake gateway and `dispatcher --help` need neither SQL nor Celery
    if name not in __all__:
        raise AttributeError(f"module 'dispatcher' has no attribute {name!r}")
    value = getattr(import_module(f"dispatcher.{_HOMES.get(name, 'errors')}"), name)
    globals()[name] = value
    return value

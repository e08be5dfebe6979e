"""The commands, each in a module that is loaded when it is used; ``--help`` needs none of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

#: in the order in which a campaign needs them: where each is, and its first sentence if it is shown
COMMANDS: Final[Mapping[str, tuple[str, str]]] = {
    "lint": ("lint", "Tell how a text arrives, what it is billed as, and what to write instead."),
    "check-numbers": (
        "check_numbers",
        "Tell what the gateway and the networks say of the numbers in FILE.",
    ),
    "plan": ("plan", "Show what submitting FILE would do: who, what, when, for how much."),
    "rehearse": (
        "rehearse",
        "Send a campaign for FILE to nobody, on a clock of its own, and compare it with its plan.",
    ),
    "submit": ("submit", "Store a campaign for the recipients in FILE."),
    "drafts": ("drafts", "List the drafts; write one, plan it, hand it in."),
    "approve": (
        "approval",
        "Approve draft REF, which somebody else wrote: it is submitted exactly as planned.",
    ),
    "refuse": ("approval", "Give draft REF, which was handed in, back to its writers."),
    "series": (
        "series",
        "Repeat a campaign by a rule: add a series, show it, plan it, pause it, end it.",
    ),
    "test": ("testers", "Send the text of a row of draft REF to declared testers."),
    "testers": ("testers", "List the people who get test messages; add and remove them."),
    "progress": ("progress", "Show the states of all messages of campaign REF (reference or id)."),
    "results": (
        "results",
        "Write what became of each recipient of campaign REF, from one snapshot.",
    ),
    "messages": (
        "messages",
        "Follow what each message comes to, where DISPATCHER_MESSAGE_EVENTS is on.",
    ),
    "spend": ("spend", "Show what campaigns cost: planned, reserved, charged, difference."),
    "budgets": (
        "budgets",
        "List what campaigns with a tag may cost in a month, and what is left of this one.",
    ),
    "why": (
        "why",
        "Say why campaign REF has not left, and what to do; without REF, why any has not.",
    ),
    "campaigns": ("campaigns", "List the campaigns submitted last, newest first."),
    "pause": (
        "campaigns",
        "Let nothing more of campaign REF leave until it is resumed; with --all, of any campaign.",
    ),
    "resume": (
        "campaigns",
        "Let the paused campaign REF run again; with --all, end a pause of everything.",
    ),
    "cancel": ("campaigns", "End campaign REF for good: its pending messages never leave."),
    "doubts": ("doubts", "List the batches in doubt, and the incidents on record."),
    "resend": ("doubts", "Send BATCH, which is in doubt, again."),
    "give-up": (
        "doubts",
        "End the doubt about BATCH without sending: its messages stay unreported.",
    ),
    "opt-outs": ("opt_outs", "Keep the list of those who said STOP: no campaign texts them."),
    "person": ("person", "Show or erase what is stored about one person, and name who is stale."),
    "unreachable": (
        "unreachable",
        "List the numbers that campaigns do not text because nothing arrives there; lift one.",
    ),
    "replies": ("replies", "List the replies that the webhooks received, newest first."),
    "unread": ("unread", "List the calls to the webhooks that could not be read, newest first."),
    "window": ("window", "Tell whether a commercial SMS may leave, why not, and when next."),
    "run": ("run", "Run workers and beat until Ctrl-C, with an embedded Redis if none is set."),
    "celery": (
        "run",
        "Become Celery, on the workers' app and with these settings (worker, beat, inspect).",
    ),
    "webhooks": (
        "webhooks",
        "Take the gateway's reports, replies and STOPs until Ctrl-C, behind a proxy with TLS.",
    ),
    "console": (
        "console",
        "Serve pages on which people run campaigns, until Ctrl-C; behind a proxy with TLS.",
    ),
    "tick": ("maintenance", "Do what is due by time, send hints to workers, and show what is due."),
    "doctor": ("doctor", "Look for what is wrong here, in order of causes, and say what to do."),
    "migrate": ("maintenance", "Bring the database to the schema of this version."),
    "settings": ("maintenance", "Show every setting as it is in effect here; secrets are masked."),
    "sandbox": ("sandbox", "Run a gateway that texts nobody, until Ctrl-C."),
    "record": ("record", "The record of actions: who did what, from where, when and why."),
    "evidence": (
        "evidence",
        "All that is known of campaign REF in one signed file; verify such a file.",
    ),
    "recording": ("recording", ""),
    "demo": ("demo", "Send 5,000 made-up SMS through real processes, and check every one."),
}

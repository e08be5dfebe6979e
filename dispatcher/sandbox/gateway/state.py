"""The state of the fake gateway, and its refusals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Final

from dispatcher.sandbox.gateway.account import Account
from dispatcher.sandbox.gateway.behaviour import Behaviour
from dispatcher.sandbox.gateway.ledger import Ledger
from dispatcher.sandbox.gateway.messages import Messages
from dispatcher.sandbox.gateway.webhook_queue import WebhookQueue

#: codes with one meaning on every page; the others have their text where they are raised
MEANINGS: Final = {
    1: "Paramètre apiKey manquant",
    2: "Paramètre phoneNumbers manquant",
    4: "Message introuvable",
    9: "Le numéro n'est pas celui d'un téléphone mobile",
    11: "NOCREDITS",
    13: "Pas de prix pour ce numéro",
    14: "Numéro dans la liste STOP",
    15: "Numéro déjà dans la liste",
    20: "Compte désactivé",
    22: "Heure d'envoi marketing non autorisée",
    23: "Date d'envoi marketing non autorisée",
    30: "Compte bloqué",
    40: "Accès API refusé",
    43: "Le message est obligatoire",
    44: "Émetteur invalide",
    45: "La date est obligatoire",
    46: "L'heure est obligatoire",
    47: "Les minutes sont invalides",
    48: "Les minutes vont de 5 en 5",
    49: "La date est invalide",
    50: "500 numéros au plus par requête",
    52: "Le message dépasse 10 SMS concaténés",
    55: "Aucun numéro à qui envoyer",
    90: "JSON mal formé",
    96: "Adresse IP non autorisée",
    500: "Erreur lors de la mise en file d'attente",
    992: "Émetteur non autorisé",
}


#: codes that concern one field, with its name
FIELDS: Final = {43: "message", 44: "sender", 55: "phoneNumbers"}


class Refused(Exception):
    """Raised to answer with an error; ``body`` is the whole answer."""

    def __init__(self, code: int, message: str | None = None, **more: Any) -> None:
        super().__init__(code)
        self.code = code
        self.body: dict[str, Any] = {
            "success": False,
            "code": code,
            "message": message or MEANINGS.get(code, "Erreur"),
            **more,
        }


def invalid_fields(fields: Sequence[tuple[str, str]], *, key: str) -> Refused:
    """Code 9 with every wrong field, listed under ``key``."""
    listed = [{"elementId": f"children[{name}].data", "message": text} for name, text in fields]
    refused = Refused(9)
    refused.body = {"success": False, "code": 9, key: listed}
    return refused


@dataclass(slots=True)
class State:
    """The account, its messages and its behaviour. ``clock`` gives epoch seconds."""

    key: str
    clock: Callable[[], float]
    ledger: Ledger
    behaviour: Behaviour = field(default_factory=Behaviour)
    account: Account = field(init=False)
    messages: Messages = field(default_factory=Messages)
    webhook_queue: WebhookQueue = field(default_factory=WebhookQueue)
    #: the keys of this account that count
    keys: frozenset[str] = frozenset()
    #: the other accounts of this gateway, by key
    others: dict[str, State] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.keys = frozenset([self.key])
        self.account = Account(self.behaviour.credit)
        self.account.replace_stops(self.behaviour.stopped, at=self.clock())

    def configure(self, values: dict[str, Any]) -> None:
        """Change switches; ``credit`` and ``stopped`` change the account at once."""
        self.behaviour = self.behaviour.changed(values)
        if "credit" in values:
            self.account.credit = self.behaviour.credit
        if "stopped" in values:
            self.account.replace_stops(self.behaviour.stopped, at=self.clock())
        shared = {name: value for name, value in values.items() if name not in _OF_ONE_ACCOUNT}
        for other in self.others.values():
            other.configure(shared)

    def set_account(self, key: str, *, credit: Decimal) -> None:
        """Set the credit (euros) of another account; a new key adds one.

        Each account has its own messages and STOP list.
        """
        if key in self.others:
            self.others[key].account.credit = credit
            return
        behaviour = replace(self.behaviour, credit=credit, stopped=())
        other = State(key, self.clock, self.ledger, behaviour)
        other.messages, other.webhook_queue = self.messages.beside(), self.webhook_queue
        self.others[key] = other

    def of_key(self, key: object) -> State | None:
        """The account of a key, or None."""
        return self if str(key) in self.keys else self.others.get(str(key))


_OF_ONE_ACCOUNT: Final = ("credit", "stopped")

"""The words of the page of evidence, in French and English."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

#: reasons of a wait that have a French word; holidays stay as the calendar names them
_REASONS: Final = {
    "Sunday": "dimanche",
    "scheduled": "programmé",
    "after": "après",
    "before": "avant",
}
_reason = re.compile(r"\b(?:Sunday|scheduled|after|before)\b").sub


@dataclass(frozen=True)
class Words:
    """The words of one language: a word of ours -> what the page says."""

    language: str
    title: str
    said: Mapping[str, str] = field(repr=False)
    #: how instants are written
    instant: str

    def __getitem__(self, word: str) -> str:
        """What the page says for a word; a word that it does not know stays."""
        return self.said.get(word, word.replace("_", " "))

    def number(self, count: int) -> str:
        """A whole number, its thousands apart."""
        return f"{count:,}".replace(",", "," if self.language == "en" else "\u202f")

    def euros(self, amount: str) -> str:
        """An amount in euros."""
        return f"{amount} €" if self.language == "en" else f"{amount.replace('.', ',')}\u00a0€"

    def reason(self, why: str) -> str:
        """Why something waited, as far as it has words of this language."""
        return why if self.language == "en" else _reason(lambda found: _REASONS[found[0]], why)


_ENGLISH: Final = {
    "intro": "Everything below is taken from the rows of this file, which is signed. dispatcher"
    " evidence verify checks it offline; a change of one byte is found.",
    "campaign": "Campaign",
    "reference": "Reference",
    "text": "Text",
    "text_deleted": "deleted, as the sender's retention has it",
    "sender": "Sender",
    "account": "Account",
    "default_account": "the default account",
    "tags": "Tags",
    "except_campaign": "Without the people of",
    "only_campaign": "Only the people of",
    "smoothed": "Smoothed",
    "an_hour": "{} messages an hour",
    "over": "over {} of opening hours",
    "submitted": "Submitted",
    "approved": "Approved",
    "nobody": "by nobody: this version asks nobody",
    "commercial": "Commercial",
    "yes": "yes",
    "no": "no",
    "stop": "STOP mention",
    "stop_text": "in the text",
    "stop_gateway": "added by the gateway",
    "stop_none": "none",
    "dates": "Not before, not after",
    "ended": "Ended",
    "fingerprint": "Fingerprint of the submission",
    "plan": "Fingerprint of the plan",
    "list": "List",
    "rows": "rows",
    "duplicates": "duplicates",
    "unusable": "unusable",
    "hash": "{}; hash: {}",
    "unknown": "not stored by the version that submitted it",
    "totals": "What became of the messages",
    "state": "State",
    "recipients": "Recipients",
    "batches": "Batches",
    "segments": "Segments",
    "cost": "Cost",
    "attempts": "Attempts",
    "outcome": "What the gateway answered",
    "number": "Number",
    "territory": "Territory",
    "opens": "Could leave from",
    "why": "Why it waited",
    "rule": "Rule and calendar",
    "sent_at": "Sent",
    "opt_outs": "Left out because of an opt-out",
    "source": "From where",
    "consents": "Consents that messages rested on",
    "wording": "Wording",
    "incidents": "Corrections and incidents",
    "none": "none",
    "record": "Record of actions",
    "when": "When",
    "who": "Who",
    "from": "From where",
    "what": "What",
    "reason": "Why",
    "more": "{} more are in {}.",
    "no_window": "no window: not commercial",
    "signature": "Signature",
    "made": "Made",
    "key": "Fingerprint of the key",
    "numbers": "Numbers",
    "masked": "masked",
    "in clear": "as they are stored; who was erased is a pseudonym",
    "other": "En français",
    "removed": "no longer on the list, or erased since",
}
_FRENCH: Final = {
    "intro": "Tout ce qui suit vient des lignes de ce fichier, qui est signé. dispatcher evidence"
    " verify le vérifie hors ligne ; la modification d'un seul octet est détectée.",
    "campaign": "Campagne",
    "reference": "Référence",
    "text": "Texte",
    "text_deleted": "supprimé, selon la durée de conservation de l'expéditeur",
    "sender": "Émetteur",
    "account": "Compte",
    "default_account": "le compte par défaut",
    "tags": "Étiquettes",
    "except_campaign": "Sans les personnes de",
    "only_campaign": "Seulement les personnes de",
    "smoothed": "Étalée",
    "an_hour": "{} messages par heure",
    "over": "sur {} d'ouverture",
    "submitted": "Soumise",
    "approved": "Approuvée",
    "nobody": "par personne : cette version ne demande pas d'approbation",
    "commercial": "Commerciale",
    "yes": "oui",
    "no": "non",
    "stop": "Mention STOP",
    "stop_text": "dans le texte",
    "stop_gateway": "ajoutée par la passerelle",
    "stop_none": "aucune",
    "dates": "Pas avant, pas après",
    "ended": "Terminée",
    "fingerprint": "Empreinte de la soumission",
    "plan": "Empreinte du plan",
    "list": "Liste",
    "rows": "lignes",
    "duplicates": "doublons",
    "unusable": "inutilisables",
    "hash": "{} ; empreinte : {}",
    "unknown": "non conservée par la version qui l'a soumise",
    "totals": "Ce que sont devenus les messages",
    "state": "État",
    "recipients": "Destinataires",
    "batches": "Lots",
    "segments": "Segments",
    "cost": "Coût",
    "attempts": "Tentatives",
    "outcome": "Réponse de la passerelle",
    "number": "Numéro",
    "territory": "Territoire",
    "opens": "Pouvait partir dès",
    "why": "Motif de l'attente",
    "rule": "Règle et calendrier",
    "sent_at": "Envoyé",
    "opt_outs": "Écartés pour opposition",
    "source": "Origine",
    "consents": "Consentements sur lesquels reposent les messages",
    "wording": "Formulation",
    "incidents": "Corrections et incidents",
    "none": "aucun",
    "record": "Journal des actions",
    "when": "Quand",
    "who": "Qui",
    "from": "D'où",
    "what": "Quoi",
    "reason": "Pourquoi",
    "more": "{} autres sont dans {}.",
    "no_window": "hors fenêtre : non commerciale",
    "signature": "Signature",
    "made": "Établie",
    "key": "Empreinte de la clé",
    "numbers": "Numéros",
    "masked": "masqués",
    "in clear": "tels qu'ils sont conservés ; une personne effacée est un pseudonyme",
    "other": "In English",
    "removed": "ne figure plus sur la liste, ou effacé depuis",
    # territories, where their names differ
    "Metropolitan France": "France métropolitaine",
    "French Guiana": "Guyane",
    "New Caledonia": "Nouvelle-Calédonie",
    "French Polynesia": "Polynésie française",
    "Wallis and Futuna": "Wallis-et-Futuna",
    # states and outcomes
    "pending": "en attente",
    "sent": "envoyé",
    "delivered": "remis",
    "undelivered": "non remis",
    "unreported": "sans accusé",
    "rejected": "refusé",
    "opted_out": "opposition",
    "withdrawn": "consentement retiré",
    "left_out": "écarté",
    "expired": "expiré",
    "cancelled": "annulé",
    "sending": "en cours d'envoi",
    "handed_over": "confié à la passerelle",
    "in_doubt": "en doute",
    "done": "terminé",
    "failed": "échoué",
    "running": "en cours",
    "paused": "en pause",
    "finished": "terminée",
    "refused": "refusé",
    "blocked": "bloqué",
    "closed": "fenêtre fermée à la passerelle",
    "throttled": "à retenter plus tard",
    "not_sent": "non parti",
    "resent": "renvoyé sur décision",
    "recalled": "rappelé",
    "halved": "redemandé par moitiés",
    "by hand": "à la main",
}
#: by the language of the page
WORDS: Final[Mapping[str, Words]] = {
    "fr": Words("fr", "Preuve de la campagne", _FRENCH, "%d/%m/%Y %H:%M:%S"),
    "en": Words("en", "Evidence of campaign", _ENGLISH, "%Y-%m-%d %H:%M:%S"),
}

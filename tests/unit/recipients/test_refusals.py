"""How clearly a reply refuses further texts."""

from __future__ import annotations

import pytest

from dispatcher.recipients.refusals import Refusal, refusal_of

CLEAR = [
    # a stem, in any case, width, normal form, with or without marks, with signs around it
    "STOP", " Stop.", "«STOP»", "stop36180", "STOP 36180", "StopSMS", "STOP!!!", "stop_",
    "ＳＴＯＰ", "𝗦𝗧𝗢𝗣", "ⓈⓉⓄⓅ", "S.T.O.P", "s t o p", "S-T-O-P", "ST\u00adOP", "\ufeffSTOP",
    "\u200bSTOP", "🙏 STOP 🙏", "🛑", "st0p", "STOPPER", "Stopp", "Stop à la pub",
    "arrêt", "ARRET svp", "Arrêtez", "arre\u0302t", "Arrêter", "arretez de m'envoyer des sms",
    "Désabonnez-moi", "désinscription", "DESINSCRIRE", "desincription", "Je me désabonne",
    "unsubscribe", "opt-out",
    # a phrase
    "Je ne souhaite plus recevoir vos SMS", "ne plus recevoir", "Veuillez ne plus m’envoyer de sms",
    "Ne m'envoyez plus rien", "n'envoyez plus", "me contactez plus",
    "merci de ne plus me contacter", "plus de pub", "Plus de SMS svp !!",
    "je veux plus de vos messages",
    "retirez-moi de votre liste", "Supprimez mon numéro", "Do not text me", "remove me",
    "Ne pas m'envoyer de sms", "Merci d'arrêter", "\u0421\u0422\u041e\u041f", "\u0405TOP",
    # politeness before it
    "Bonjour, STOP", "SVP stop", "Bonjour, veuillez me désinscrire", "1 STOP",
    # what operators take, alone
    "END", "Quit", "CANCEL.",
]  # fmt: skip
PROBABLE = [
    "Non merci STOP", "je veux arrêter", "STOP ou pas ?", "stopper ?", "STOP ?", "STOP？",
    "non stop", "NON-STOP", "ouvert nonstop", "le stop", "ne dites pas stop", "st op", "Mr Stop",
    "plus de pub ?", "J'en ai marre de vos sms", "Pas intéressé", "FIN", "annuler",
    "STO P", "st*p", "Arr^et", "Plus jamais", "pas de sms svp", "aucun sms",
    "je veux me désinscrire",
    "mauvais numéro", "Merci, ne plus recevoir", "Je m'arrête demain",
]  # fmt: skip
NONE = [
    "", "0", "non", "Oui", "Finalement oui", "non merci", "à plus", "top", "autostop", "depot",
    "envoyez-moi plus de détails", "Pas de message reçu", "Je viens retirer mon colis",
    "Je n'ai pas reçu mon colis", "Ne m'appelez pas demain", "end of year", "weekend", "quittance",
    "cancellation policy", "la fin", "Vous pouvez m'appeler",
]  # fmt: skip


@pytest.mark.parametrize("text", CLEAR)
def test_refusal_at_the_beginning_or_alone_is_clear(text: str) -> None:
    assert refusal_of(text) is Refusal.CLEAR


@pytest.mark.parametrize("text", PROBABLE)
def test_refusal_elsewhere_or_in_a_question_is_probable(text: str) -> None:
    assert refusal_of(text) is Refusal.PROBABLE


@pytest.mark.parametrize("text", NONE)
def test_other_reply_is_no_refusal(text: str) -> None:
    assert refusal_of(text) is Refusal.NONE


@pytest.mark.parametrize("text", ["je " * 700, "s " * 1000, "ne me " * 300, "\u0302" * 2000])
def test_long_reply_is_judged_without_backtracking(text: str) -> None:
    assert refusal_of(text) in set(Refusal)

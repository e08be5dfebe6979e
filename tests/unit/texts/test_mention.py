from __future__ import annotations

import pytest

from dispatcher.texts import arrival, has_stop, wire_text


@pytest.mark.parametrize(
    "text",
    [
        "Soldes ! STOP 36180",
        "Soldes ! stop au 36180",
        "Soldes ! STOP SMS 36034",
        "Soldes ! STOP SMS au 36034.",
        "Soldes !\nSTOP\xa0:\xa036034",
        "Envoyez STOP par SMS au 36180",
        "STOP36180",
        "NoPub=STOP",
        "nopub = stop",
        "Promo samedi. STOP: 36 180",
        "Promo samedi. STOP au 36111",
        "Promo samedi. STOP au 36.111",
        "Promo samedi. Stop = 36 1 80",
        "Promo samedi. STOP-36180",
        "Promo samedi. STOP > 36180",
        "Promo samedi. STOP → 36180",
        "Promo samedi. STOP\u202f: 36\u202f180",
        "Promo samedi. ＳＴＯＰ ３６１８０",
        "Promo samedi. S\u200bTOP 36180",
        "STOP à 36180",
        "STOP au numéro 36180",
        "STOP au n° 36180",
        "STOP par SMS gratuit au 36180",
        "Envoyez « STOP » au 36180",
        "Envoyez “STOP” au 36180",
        "Promo (STOP 36180)",
        "STOP 36180 pour ne plus recevoir nos offres",
        "STOP 36180 MaBoutique",
        "STOP au 36180 merci",
        "STOP 36180 https://ex.fr",
        "STOP 36180 non surtaxé",
        "STOP au\n36180",
        "STOP au:br:36180",
        "Oui ou non ? STOP 36180",
        "NON STOP 36000 articles. STOP au 36180",
        "Pit Stop 36100 Issoudun : -20% sur vos pneus. STOP 36180",
        "RDV au bar Le Stop, 36000 Châteauroux\nSTOP 36180",
        "Soldes samedi STOP 36180",
        "Soldes chez MaBoutique STOP 36180",
        "Soldes samedi STOP 36180 !",
        "Soldes samedi - STOP 36180",
        "Soldes samedi STOP 36180\nMaBoutique, 36000 Châteauroux",
        "Soldes samedi STOP 36180 (pour ne plus recevoir nos offres)",
        "STOP 36180. Merci",
        "Soldes samedi. STOP : 36180 MABOUTIQUE",
        "STOP 36180 ou maboutique.example",
        "STOP 36180 maboutique.example",
        "STOP 36180 - maboutique.example",
        "STOP 36180 (gratuit) - Soldes samedi",
        "STOP 38180",
        "STOP au 36000",
        "stop36180",
    ],
)
def test_text_that_says_how_to_opt_out_has_a_mention(text: str) -> None:
    assert has_stop(wire_text(text))


@pytest.mark.parametrize(
    "text",
    [
        "Vente NON STOP 36000 articles",
        "Vente non-stop : 36000 pièces",
        "Vente non stop, 36 000 articles",
        "Ouvert NON-STOP 36180",
        "Non\xa0stop 36000",
        "STOP 36000 articles soldés",
        "GRANDE VENTE STOP 36000 ARTICLES",
        "Stop : 36 000 produits",
        "Stop aux 36000 problèmes",
        "Stop à 36000 euros",
        "Stop 36 000 000 de clients",
        "STOP 36000,50 €",
        "Stop 36000 €",
        "Non-stop de 8h à 20h",
        # shops whose name ends in Stop, with their postal code
        "Pit Stop 31000 Toulouse : -20% sur vos pneus",
        "Auto Stop 36000 Châteauroux",
        "Pit Stop, 33000 Bordeaux",
        "Stop 30000 Nîmes",
        "Boulangerie STOP, 36110 Levroux",
        "Bar Le Stop, 36000 Châteauroux : happy hour ce soir",
        "One-stop 36180",
        "Auto Stop 36180 Pellevoisin",
        "Pit Stop 36100",
        "PIT STOP 36100 : -20 % SUR VOS PNEUS",
        "AUTO-STOP 36100",
        "Boulangerie STOP 36110\nouverte dimanche",
        "Garage STOP 38100 Grenoble",
        "Soldes chez Déco STOP 38100 : venez vite",
        "Déco STOP 38100. Venez vite",
        "Bar « Le Stop » 36100 Issoudun",
        "Stop 36110 Levroux",
        "STOP 36110 LEVROUX",
        "STOP 38190 Le Champ-près-Froges",
        "STOP - 36110 - Levroux",
        "Bar le Stop : 36110 Levroux",
        "BAR LE STOP : 36110 LEVROUX",
        "Stop 36110 : -20 % samedi",
        "Stop 36110. Venez vite",
        "STOP, 36110",
        "STOP 75011 Paris",
        "STOP 31234",
        "STOP 36180 € à gagner",
        "STOP 36180 €",
        "STOP 36 180 500 clients",
        "STOP 36180 articles",
        "STOP 36180,50",
        "STOP 36180.50",
        "STOPPER au 36180",
        "Nonstop 36180",
        "STOP au 3618",
        "STOP au 361800",
        "STOP au 26180",
        "Appelez le 36180",
        "STOP",
    ],
)
def test_text_that_only_looks_like_it_has_no_mention(text: str) -> None:
    assert not has_stop(wire_text(text))


def test_own_mention_takes_no_room_for_a_second_one() -> None:
    own = arrival("x" * 149 + " STOP 36180", budget=14)
    none = arrival("x" * 149 + " STOP 3618", budget=14)
    assert (own.has_stop, own.measure.segments) == (True, 1)
    assert (none.has_stop, none.measure.segments) == (False, 2)

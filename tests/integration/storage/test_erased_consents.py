"""What an erasure, retention and screening do to where consents come from."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import pytest
from sqlalchemy import select

from dispatcher.campaigns.consent import Consent
from dispatcher.storage import consents
from dispatcher.storage.tables import BatchConsent
from tests.integration.bench import Bench, people

ANNE, BRUNO, CHLOE = people(3, start=7401)
#: in a spelling that nothing takes for a number when it is written
ODD = "63 99 87 40 1"
TEXT = 'Bonjour {{ prenom | default("vous") }}'
SOURCE = "column:le,source:ou,wording:version"
DAY = date(2026, 5, 3)


def row(phone: str, **others: Any) -> dict[str, Any]:
    return {"mobile": phone, "le": DAY, "ou": "boutique", "version": "v3"} | others


def submit(bench: Bench, rows: Sequence[dict[str, Any]], reference: str = "soldes") -> None:
    bench.dispatcher.submit(reference, TEXT, rows, consent=SOURCE)


def stored(bench: Bench) -> list[dict[int, Consent]]:
    with bench.dispatcher.database.read() as session:
        ids = session.scalars(select(BatchConsent.batch_id).order_by(BatchConsent.batch_id))
        return [consents.of_batch(session, batch_id) for batch_id in ids.all()]


def end(bench: Bench) -> None:
    """Send what is due, have everything reported, and let workers do what is left."""
    bench.work()
    bench.gateway.deliver()
    bench.pass_by(hours=1)
    for _ in range(10):
        if bench.tick().prune:
            bench.dispatcher.steps.prune()


def pseudonym(bench: Bench) -> str:
    return bench.dispatcher.persons.erasures()[1]["pseudonym"]


def test_erasure_leaves_the_date_and_what_names_nobody(bench: Bench) -> None:
    mine = row(ANNE, prenom="Anne", ou="chez Anne", version="ANNE, v3")
    submit(bench, [mine, row(BRUNO, prenom="Anne", ou=f"par {ODD}"), row(CHLOE, ou="Annecy")])
    end(bench)
    bench.dispatcher.persons.erase(ANNE, reason="asked")
    name = pseudonym(bench)
    assert stored(bench) == [
        {
            0: Consent(DAY, f"chez {name}", f"{name}, v3"),
            1: Consent(DAY, f"par {name}", "v3"),
            2: Consent(DAY, "Annecy", "v3"),
        }
    ]


def test_key_goes_too_and_a_form_of_several_people_stays(bench: Bench) -> None:
    mine = row(ANNE, prenom="Boutique", key="c-17", version="lettre c-17")
    submit(bench, [mine, row(BRUNO)])
    end(bench)
    bench.dispatcher.persons.erase(ANNE, reason="asked")
    name = pseudonym(bench)
    assert stored(bench)[0][0] == Consent(DAY, "boutique", f"lettre {name}")


def test_number_goes_before_the_batch_has_left(bench: Bench) -> None:
    submit(bench, [row(BRUNO, ou=f"par {ODD}")])
    bench.dispatcher.opt_out(ANNE)
    bench.dispatcher.persons.erase(ANNE, reason="asked")
    assert stored(bench) == [{0: Consent(DAY, f"par {pseudonym(bench)}", "v3")}]
    end(bench)
    assert bench.messages() == {"delivered": 1}


def test_number_in_a_later_list_is_found(bench: Bench) -> None:
    bench.dispatcher.opt_out(ANNE)
    bench.dispatcher.persons.erase(ANNE, reason="asked")
    submit(bench, [row(BRUNO, ou=f"par {ODD}")])
    end(bench)
    assert stored(bench) == [{0: Consent(DAY, f"par {pseudonym(bench)}", "v3")}]


def test_retention_does_the_same(bench: Bench) -> None:
    submit(bench, [row(ANNE, prenom="Anne", ou="chez Anne"), row(BRUNO, prenom="Bruno")])
    end(bench)
    bench.clock.forward(days=400)
    end(bench)
    [found] = stored(bench)
    assert found[0].source.startswith("chez person-")
    assert found[1] == Consent(DAY, "boutique", "v3")


@pytest.mark.parametrize("spelling", [ODD, "06.39.98.74.01"])
def test_consent_of_another_that_names_a_person_is_shown(bench: Bench, spelling: str) -> None:
    submit(bench, [row(BRUNO, ou=f"par {spelling}")])
    texts = bench.dispatcher.persons.show(ANNE).get("texts", [])
    masked = spelling != ODD  # when it was written
    expected = {"table": "dispatcher_batch_consent", "column": "consents", "text": f"par {ODD}"}
    assert texts == ([] if masked else [expected])

"""The behaviours of the gateway that its documentation leaves open, each as switches."""

from __future__ import annotations

from typing import Any, Final

BEHAVIOURS: Final[dict[str, dict[str, Any]]] = {
    "as documented": {},
    "errors with HTTP 200": {"http_status_mode": "200"},
    "errors under error": {"error_key": "error"},
    "ids quoted": {"message_id_type": "str"},
    "the old text of a wrong key": {"key_text": "Clef API incorrecte"},
    "an unknown tag is empty": {"tag_unknown": "empty"},
    "small pages": {"tag_page_size": 2, "total_type": "str"},
    "lines in another order": {"reorder_lines": True},
    "words in lower case": {"status_case": "lower"},
    "words in upper case": {"status_case": "upper"},
    "dates in words": {"status_date": "text"},
    "counters of 2018": {"old_counters": True, "amounts": "number"},
    "balance only": {"balance_names": "balance"},
    "solde only": {"balance_names": "solde"},
    "no credit in words": {"no_credit_shape": "message"},
    "bulk tells its schedule": {"bulk_tells_schedule": True},
    "a GET of multi-status is heard": {"multi_status_get": "code1"},
    "cancelling pays back": {"cancel_refunds": True},
    "everything old at once": {
        "http_status_mode": "200",
        "error_key": "error",
        "message_id_type": "str",
        "status_case": "lower",
        "status_date": "text",
        "amounts": "number",
        "balance_names": "solde",
        "total_type": "str",
        "tag_page_size": 1,
        "reorder_lines": True,
        "tag_unknown": "empty",
        "no_credit_shape": "message",
    },
}

"""A table of campaigns: the database beside the gateway's ledger."""

from __future__ import annotations

from typing import Any

from rich.table import Table

from dispatcher.sandbox.audit import Audit
from dispatcher.sandbox.customers import Customers


def side_by_side(reports: dict[str, dict[str, Any]], found: Audit) -> Table:
    """A table of both; ``reports`` has what ``progress --json`` says, by reference."""
    table = Table(header_style="bold", title_style="bold")
    table.add_column("recipients")
    for reference in reports:
        table.add_column(f"{reference}\ndatabase", justify="right")
        table.add_column("\nledger", justify="right")
    for state in next(iter(reports.values()))["messages"]:
        cells = [
            f"{counter[reference, state]:,}"
            for reference in reports
            for counter in (found.database, found.ledger)
        ]
        idle = all(cell == "0" for cell in cells)
        table.add_row(state.replace("_", " "), *cells, style="dim" if idle else "")
    table.add_section()
    sums = [
        sum(count for (campaign, _), count in counter.items() if campaign == reference)
        for reference in reports
        for counter in (found.database, found.ledger)
    ]
    table.add_row("in all", *(f"{total:,}" for total in sums), style="bold")
    return table


def faults_of(reports: dict[str, dict[str, Any]], found: Audit, customers: Customers) -> list[str]:
    """The faults that were found, each a sentence."""
    made = (customers.rows, customers.recipients, customers.duplicates, customers.unusable)
    faults = [
        (f"{found.twice} people were texted twice", found.twice),
        (f"{found.missing} count as texted and are not in the ledger", found.missing),
        (f"{found.unexpected} are in the ledger and do not count as texted", found.unexpected),
        (f"{found.strangers} texts in the ledger are of no campaign", found.strangers),
        (
            "progress and the recipients' own rows differ",
            any(
                found.database[reference, state] != count
                for reference, report in reports.items()
                for state, count in report["messages"].items()
            ),
        ),
        (
            "the file was not read as it was made",
            any(
                made != tuple(r[name] for name in ("rows", "recipients", "duplicates", "unusable"))
                for r in reports.values()
            ),
        ),
    ]
    return [sentence for sentence, fault in faults if fault]

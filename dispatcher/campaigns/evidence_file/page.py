"""The evidence of a campaign as a page that people read: one file, without a script.

It holds no recipient, and as much of batches and record as can be read; the rows are beside it.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from dispatcher.campaigns.evidence_file.layout import BATCHES, OPT_OUTS, PAGES, RECORD
from dispatcher.campaigns.evidence_file.page_digest import Digest, Row
from dispatcher.campaigns.evidence_file.page_words import WORDS
from dispatcher.campaigns.smoothing import shown
from dispatcher.settings.visible import visible
from dispatcher.window.slots import PARIS
from dispatcher.window.territories import TERRITORIES


class EvidencePage:
    """The page in one language."""

    def __init__(
        self, language: str, campaign: Row, sums: Row, digest: Digest, facts: Mapping[str, str]
    ) -> None:
        """``facts`` has ``made_at``, ``made_by``, ``numbers`` and ``fingerprint``."""
        self._words = WORDS[language]
        self._campaign, self._sums, self._digest, self._facts = campaign, sums, digest, facts

    def parts(self) -> Iterator[str]:
        """The page, piece by piece."""
        words, named = self._words, f"{self._words.title} {_shown(self._campaign['reference'])}"
        other = next(language for language in PAGES if language != words.language)
        yield _HEAD.format(language=words.language, title=named, style=_STYLE)
        link = f'<a href="{PAGES[other]}" hreflang="{other}">{words["other"]}</a>'
        yield f'<p class="other">{link}</p>'
        yield f"<h1>{named}</h1><p>{_shown(words['intro'])}</p>"
        yield self._section("campaign", _facts(self._about()))
        yield self._section("totals", self._totals())
        yield self._section("batches", self._batches())
        yield self._section("opt_outs", self._opt_outs())
        yield self._section("consents", self._consents())
        yield self._section("incidents", self._entries(self._digest.unusual))
        yield self._section("record", self._record())
        yield self._section("signature", _facts(self._signature()))
        yield "</main></body></html>\n"

    def _section(self, name: str, content: str) -> str:
        return f"<section><h2>{_shown(self._words[name])}</h2>{content}</section>"

    def _about(self) -> Iterator[tuple[str, str]]:
        words, campaign = self._words, self._campaign
        submitted, stop = campaign["submitted"] or {}, campaign["stop_mention"]
        kind = "stop_gateway" if stop["added_by_gateway"] else "stop_none"
        listed = campaign["list"]
        by = ", ".join(filter(None, (submitted.get("by"), submitted.get("from"))))
        counts = ", ".join(
            f"{words.number(listed[name])} {words[name]}"
            for name in ("rows", "duplicates", "unusable")
        )
        because = f" ({submitted.get('reason')})" if submitted.get("reason") else ""
        dates = [self._at(campaign[name]) for name in ("not_before", "not_after")]
        yield words["reference"], campaign["reference"]
        yield words["state"], words[campaign["state"]]
        yield words["text"], campaign["text"] or campaign["survey"] or words["text_deleted"]
        yield words["sender"], campaign["sender"] or campaign["from_number"] or "–"
        yield words["account"], campaign["account"] or words["default_account"]
        yield words["tags"], ", ".join(campaign["tags"]) or "–"
        for name in ("except_campaign", "only_campaign"):
            if named := campaign.get(name):  # files of an earlier version have none
                yield words[name], ", ".join(named)
        if per_hour := campaign.get("per_hour"):
            yield words["smoothed"], words["an_hour"].format(words.number(per_hour))
        if over := campaign.get("over_seconds"):
            yield words["smoothed"], words["over"].format(shown(timedelta(seconds=over)))
        yield words["submitted"], f"{self._at(campaign['submitted_at'])}, {by}"
        yield words["approved"], campaign["approved"] or words["nobody"]
        yield words["commercial"], words["yes"] if campaign["commercial"] else words["no"] + because
        yield words["stop"], words["stop_text" if stop["in_text"] else kind]
        yield words["dates"], " – ".join(dates) if any(d != "–" for d in dates) else "–"
        yield words["ended"], self._at(campaign["ended_at"])
        yield words["fingerprint"], campaign["fingerprint"]
        yield words["plan"], campaign["plan"] or words["unknown"]
        yield words["list"], words["hash"].format(counts, listed["hash"] or words["unknown"])

    def _totals(self) -> str:
        words, sums = self._words, self._sums
        states = [(words[name], words.number(count)) for name, count in sums["states"].items()]
        outcomes = [(words[name], words.number(count)) for name, count in sums["outcomes"].items()]
        figures = [
            (words[name], words.number(sums[name]))
            for name in ("recipients", "batches", "attempts", "segments")
        ]
        return (
            _facts([*figures, (words["cost"], words.euros(sums["cost"]))])
            + _table((words["state"], words["recipients"]), states)
            + (_table((words["outcome"], words["attempts"]), outcomes) if outcomes else "")
        )

    def _batches(self) -> str:
        words = self._words
        headings = ("number", "recipients", "state", "sent_at", "territory", "opens", "why", "rule")
        rows = []
        for one in self._digest.batches:
            window = one["window"]
            territory = TERRITORIES[window["territory"]]
            rows.append(
                (
                    words.number(one["batch"]),
                    words.number(one["size"]),
                    words[one["state"]],
                    self._at(one["sent_at"]),
                    words[territory.label],
                    self._at(window["opens"], ZoneInfo(territory.zone)),
                    words.reason(window["why"]) or "–",
                    window["rule"] or words["no_window"],
                )
            )
        table = _table([words[name] for name in headings], rows)
        return table + self._more(self._sums["batches"] - len(rows), BATCHES)

    def _opt_outs(self) -> str:
        words, sources = self._words, self._digest.sources
        if not sources:
            return f"<p>{_shown(words['none'])}</p>"
        rows = [
            (words[name] if name else words["removed"], words.number(n))
            for name, n in sources.items()
        ]
        left = self._sums["states"].get("opted_out", 0) - sources.total()
        return _table((words["source"], words["recipients"]), rows) + self._more(left, OPT_OUTS)

    def _consents(self) -> str:
        words, counted = self._words, self._digest.consents
        if not counted:
            return f"<p>{_shown(words['none'])}</p>"
        rows = [(source, wording, words.number(n)) for (source, wording), n in counted.items()]
        headings = [words[name] for name in ("source", "wording", "recipients")]
        return _table(headings, rows)

    def _record(self) -> str:
        shown = self._digest.record
        return self._entries(shown) + self._more(self._sums["entries"] - len(shown), RECORD)

    def _entries(self, entries: Sequence[Row]) -> str:
        words = self._words
        if not entries:
            return f"<p>{_shown(words['none'])}</p>"
        rows = [
            (self._at(one["at"]), one["actor"], one["origin"], one["verb"], one["reason"])
            for one in entries
        ]
        return _table([words[name] for name in ("when", "who", "from", "what", "reason")], rows)

    def _signature(self) -> Iterator[tuple[str, str]]:
        words, facts = self._words, self._facts
        yield words["made"], f"{self._at(facts['made_at'])}, {facts['made_by']}"
        yield words["numbers"], words[facts["numbers"]]
        yield words["key"], facts["fingerprint"]

    def _more(self, count: int, member: str) -> str:
        return (
            f"<p>{self._words['more'].format(self._words.number(count), member)}</p>"
            if count > 0
            else ""
        )

    def _at(self, at: str | None, zone: ZoneInfo = PARIS) -> str:
        """An instant on the clock of a zone, with its offset."""
        if at is None:
            return "–"
        local = datetime.fromisoformat(at).astimezone(zone)
        offset = f"{local:%z}"
        return f"{local.strftime(self._words.instant)} (UTC{offset[:3]}:{offset[3:]})"


def _facts(rows: Iterable[tuple[str, str]]) -> str:
    return f"<dl>{''.join(f'<dt>{_shown(n)}</dt><dd>{_shown(v)}</dd>' for n, v in rows)}</dl>"


def _table(headings: Iterable[str], rows: Iterable[Sequence[str]]) -> str:
    names = [_shown(name) for name in headings]
    head = "".join(f'<th scope="col">{name}</th>' for name in names)
    body = "".join(
        "<tr>"
        + "".join(
            f'<td data-name="{name}">{_shown(cell)}</td>'
            for name, cell in zip(names, row, strict=True)
        )
        + "</tr>"
        for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _shown(text: str) -> str:
    return html.escape(visible(text, lines=True))


_HEAD: Final = """<!doctype html>
<html lang="{language}"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{title}</title><style>{style}</style></head><body><main>
"""
_STYLE: Final = """
:root{color-scheme:light dark;--line:#8886;--soft:#8881}
*{box-sizing:border-box}
body{margin:0;font:16px/1.5 system-ui,sans-serif;overflow-wrap:anywhere}
main{max-width:76rem;margin:0 auto;padding:1.5rem}
h1{font-size:1.6rem;line-height:1.25;margin:.5rem 0}
h2{font-size:1.15rem;margin:2rem 0 .5rem;border-bottom:1px solid var(--line)}
.other{text-align:right;margin:0}
dl{display:grid;grid-template-columns:minmax(9rem,16rem) 1fr;gap:.25rem 1rem;margin:0}
dt{opacity:.75}
dd{margin:0;white-space:pre-wrap}
table{border-collapse:collapse;width:100%;margin-top:1rem;font-size:.9rem}
th,td{text-align:left;vertical-align:top;padding:.3rem .6rem .3rem 0}
th,td{border-bottom:1px solid var(--line);overflow-wrap:break-word}
@media(max-width:44rem){
main{padding:1rem}
dl{display:block}
dd{margin-bottom:.5rem}
thead{display:none}
table,tbody,tr,td{display:block}
tr{background:var(--soft);border-radius:.4rem;padding:.4rem .6rem;margin-bottom:.6rem}
td{border:0;padding:.1rem 0}
td::before{content:attr(data-name) " : ";opacity:.75}
}
@media print{
:root{color-scheme:light}
body{font-size:10pt}
main{max-width:none;padding:0}
.other{display:none}
h2{break-after:avoid}
tr{break-inside:avoid}
table{font-size:8pt}
th,td{padding-right:.4rem}
thead{display:table-header-group}
}
"""

"""The request of a batch: each message's own text, or the one text of all, on the wire."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import orjson

from dispatcher import segments, texts
from dispatcher.outcomes import Outcome, single_verdict, verdict
from dispatcher.provider import Gateway, Line
from dispatcher.settings import Settings
from dispatcher.storage.batches import DueBatch
from dispatcher.templates import compile_template


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent for a batch. ``parts`` are those of the one text, if it is one for all."""

    body: bytes = field(repr=False)
    parts: int | None = None

    def deliver(
        self, gateway: Gateway, phones: Sequence[str], unless: Callable[[], str]
    ) -> Outcome:
        """Send it, once, to ``phones`` (E.164, by position); what came of it."""
        if self.parts is None:
            return verdict(gateway.bulk_send(self.body, unless=unless), phones)
        return single_verdict(gateway.single_send(self.body, unless=unless), phones, self.parts)


def request_of(
    batch: DueBatch, lines: Sequence[Line], tag: str, gateway: Gateway, settings: Settings
) -> Request:
    """What sends ``batch``, of which ``lines`` are the messages, under ``tag``."""
    stop = batch.commercial and not texts.has_stop(batch.text)
    said = [line.text for line in lines]
    unicode = texts.wire_needs_unicode("".join(said))
    # after a failure each number is asked for by itself: one may have been the reason
    if not settings.single_send or batch.checks or len(set(said)) > 1:
        return Request(
            gateway.request(lines, sender=batch.sender, tag=tag, stop=stop, unicode=unicode)
        )
    text = lines[0].text
    mention = "x" * settings.stop_budget if stop else ""
    body = gateway.single_request(
        [line.phone for line in lines],
        text,
        sender=batch.sender,
        tag=tag,
        stop=stop,
        unicode=unicode,
    )
    return Request(body, segments.measure(texts.as_sent(text) + mention).segments)


def lines_of(batch: DueBatch) -> list[Line]:
    """What the request says to each of the batch's people."""
    template = compile_template(batch.text)
    if not template.fields:
        text = texts.wire_text(template.render({}))
        return [Line(phone, text) for _, phone, _ in batch.messages]
    # all in one: to parse 500 documents takes five times as long
    each = orjson.loads(f"[{','.join([fields or '{}' for _, _, fields in batch.messages])}]")
    said = texts.wire_texts(template.render_all(each))
    phones = [phone for _, phone, _ in batch.messages]
    return list(map(Line._make, zip(phones, said, strict=True)))

"""The request of a batch: each message's own text, the one text of all, or one person's call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from dispatcher.campaigns.batch import DueBatch
from dispatcher.campaigns.outcome import Outcome
from dispatcher.gateway import Gateway, SendOptions
from dispatcher.gateway.outcomes import personal_verdict, single_verdict, verdict
from dispatcher.settings import Settings
from dispatcher.texts import segments
from dispatcher.texts import spelling as texts
from dispatcher.texts.templates import compile_template


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent for a batch. ``segments`` are those of the one text, if it is one for all."""

    body: bytes = field(repr=False)
    segments: int | None = None

    def deliver(
        self, gateway: Gateway, phones: Sequence[str], unless: Callable[[], str]
    ) -> Outcome:
        """Send it, once, to ``phones`` (E.164, by position); what came of it."""
        if self.segments is None:
            return verdict(gateway.bulk_send(self.body, unless=unless), phones)
        return single_verdict(gateway.single_send(self.body, unless=unless), phones, self.segments)


@dataclass(frozen=True, slots=True)
class PersonalRequest(Request):
    """What is sent to one person: from a long number of ours, or a survey."""

    survey: bool = False

    def deliver(
        self, gateway: Gateway, phones: Sequence[str], unless: Callable[[], str]
    ) -> Outcome:
        """Send it, once, to the one number of ``phones`` (E.164); what came of it."""
        [phone] = phones
        send = gateway.survey_send if self.survey else gateway.number_send
        return personal_verdict(send(self.body, unless=unless), phone)


def request_of(
    batch: DueBatch, wire_texts: Sequence[str], tag: str, gateway: Gateway, settings: Settings
) -> Request:
    """The request that sends ``batch`` under ``tag``; ``wire_texts`` has one text a recipient."""
    phones = batch.recipients.phones
    stop = batch.commercial and not texts.has_stop(batch.text)
    if batch.survey is not None:
        [phone] = phones
        body = gateway.survey_request(phone, batch.survey, SendOptions(tag=tag))
        return PersonalRequest(body, survey=True)
    if batch.from_number is not None:
        [phone], [text] = phones, wire_texts
        options = SendOptions(tag=tag, stop=stop)
        return PersonalRequest(gateway.number_request(phone, text, batch.from_number, options))
    unicode = texts.wire_needs_unicode("".join(wire_texts))
    options = SendOptions(
        sender=batch.sender, tag=tag, stop=stop, unicode=unicode, at=batch.leaves_at
    )
    # after a failure each number is asked for by itself: one may have been the reason
    if not settings.single_send or batch.checks or len(set(wire_texts)) > 1:
        return Request(gateway.request(phones, wire_texts, options))
    text = wire_texts[0]
    mention = "x" * settings.stop_budget if stop else ""
    body = gateway.single_request(phones, text, options)
    return Request(body, segments.measure(texts.as_sent(text) + mention).segments)


def texts_of(batch: DueBatch) -> list[str]:
    """The text of each recipient of the batch, as the request carries it."""
    template = compile_template(batch.text)
    if not template.fields:
        return [texts.wire_text(template.render({}))] * len(batch.recipients)
    fields = batch.recipients.fields or [{}] * len(batch.recipients)
    return texts.wire_texts(template.render_all(fields))

"""The request of a batch: each message's own text, the one text of all, or one person's call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from dispatcher.campaigns.batch import DueBatch
from dispatcher.campaigns.outcome import Outcome
from dispatcher.gateway import Gateway, SendOptions
from dispatcher.gateway.outcomes import personal_verdict, single_verdict, verdict
from dispatcher.settings import Settings
from dispatcher.texts import Call, wire_text, wire_texts
from dispatcher.texts.rendered import Rendered
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
    batch: DueBatch, call: Call, tag: str, gateway: Gateway, settings: Settings
) -> Request:
    """The request that sends ``batch`` under ``tag``; ``call`` has one text a recipient."""
    phones = batch.recipients.phones
    if batch.survey is not None:
        [phone] = phones
        body = gateway.survey_request(phone, batch.survey, SendOptions(tag=tag))
        return PersonalRequest(body, survey=True)
    if batch.from_number is not None:
        [phone], [text] = phones, call.wires
        options = SendOptions(tag=tag, stop=call.stop)
        return PersonalRequest(gateway.number_request(phone, text, batch.from_number, options))
    options = SendOptions(
        sender=batch.sender, tag=tag, stop=call.stop, unicode=call.unicode, at=batch.leaves_at
    )
    # after a failure each number is asked for by itself: one may have been the reason
    if not settings.single_send or batch.checks or len(set(call.wires)) > 1:
        return Request(gateway.request(phones, call.wires, options))
    body = gateway.single_request(phones, call.wires[0], options)
    return Request(body, call.segments(settings.stop_budget)[0])


def call_of(batch: DueBatch) -> Call:
    """The text of each recipient of the batch, as the request carries it."""
    template = compile_template(batch.text)
    if not template.fields:
        wires: list[str] = Rendered([wire_text(template.render({}))], [], len(batch.recipients))
    else:
        fields = batch.recipients.fields or [{}] * len(batch.recipients)
        wires = wire_texts(template.render_all(fields))
    return Call.of(wires, commercial=batch.commercial)

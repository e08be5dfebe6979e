"""Operating campaigns in the console: what its pages show, and whom they let do what."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from dispatcher import Settings
from dispatcher.contrib.django import lazy
from dispatcher.contrib.django.django_dispatcher import DjangoDispatcher
from tests import django_project
from tests.fakes import FakeGateway, HandClock
from tests.integration.bench import OPEN, TEXT, people
from tests.statements import add_doubts, counted

CAMPAIGNS, BATCHES, DOUBTS, OPT_OUTS, REPLIES, SPEND = (
    f"/sms/{name}/" for name in ("campaigns", "batches", "doubts", "opt-outs", "replies", "spend")
)
#: one for each who may do everything but what a test takes away
VERBS = ("pause_campaign", "resume_campaign", "cancel_campaign", "resend_doubt", "give_up_doubt")
VIEWS = ("view_campaign", "view_doubt", "view_optout")


class Office:
    """The shop's dispatcher with a gateway in memory, and those who sit before the console."""

    def __init__(self, **settings: Any) -> None:
        self.clock = HandClock(OPEN)
        self.gateway = FakeGateway(self.clock)
        self.dispatcher = DjangoDispatcher(
            Settings.of(sender="MaBoutique", credit_check="off", **settings),
            "default",
            clock=self.clock,
            gateway=self.gateway,
        )

    def client(self, *permissions: str, name: str = "zoe", **options: Any) -> Client:
        user = User.objects.create_user(name)
        user.user_permissions.set(
            Permission.objects.filter(
                codename__in=permissions, content_type__app_label="dispatcher"
            )
        )
        assert user.user_permissions.count() == len(permissions)
        client = Client(headers={"accept-language": "en"}, **options)
        client.force_login(user)
        return client

    def in_doubt(self, reference: str = "soldes") -> int:
        """A campaign whose only batch is in doubt; the id of the batch."""
        self.dispatcher.submit(reference, TEXT, people(3))
        batch = self.dispatcher.batches(reference)[0].id
        self.gateway.behave = self.gateway.swallow
        self.dispatcher.steps.send_batch(batch)
        assert self.dispatcher.batch(batch).state == "in_doubt"
        return batch


@pytest.fixture
def office(shop: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    monkeypatch.setattr("dispatcher.dispatch.safeguards.MOST_SKEW", timedelta.max)
    office = Office()
    lazy._wrapped = office.dispatcher
    yield office
    lazy.forget()


def text_of(client: Client, path: str, *, status: int = 200, **form: Any) -> str:
    """The words of a page, without its tags; of the page that a form leads to."""
    response = client.post(path, form, follow=True) if form else client.get(path)
    assert response.status_code == status, response.content.decode()
    page = re.sub(r"<(script|style).*?</\1>", "", response.content.decode(), flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]*>", " ", page).split())


# -- what it shows


def test_campaigns_page_shows_what_each_waits_for(office: Office) -> None:
    office.dispatcher.submit("soldes", TEXT, people(3), not_before=OPEN + timedelta(days=1))
    client = office.client("view_campaign")

    assert "soldes Waits until Wednesday 10:00: scheduled running" in text_of(client, CAMPAIGNS)
    assert "No worker has ever looked" in text_of(client, "/sms/")
    office.dispatcher.tick()
    assert "Nothing needs you now" in text_of(client, "/sms/")
    office.clock.forward(minutes=7)
    assert "No worker has looked since" in text_of(client, "/sms/")


def test_campaign_page_shows_bar_batches_and_actions(office: Office) -> None:
    campaign = office.dispatcher.submit("soldes", TEXT, people(3), by="zoe")
    batch = office.dispatcher.batches("soldes")[0].id
    office.dispatcher.steps.send_batch(batch)
    client = office.client("view_campaign")

    shown = text_of(client, f"{CAMPAIGNS}{campaign}/")

    assert TEXT in shown
    assert "Charged 0.11 € 3 sent" in shown
    assert "0.11 €" in shown
    assert re.search(r"zoe submit", shown)
    page = client.get(f"{CAMPAIGNS}{campaign}/").content.decode()
    assert '<rect class="sent" x="0" y="0" width="1000" height="10">' in page
    assert " style=" not in page


def test_pages_show_what_was_charged_where_no_price_is_set(office: Office) -> None:
    office.dispatcher.submit("soldes", TEXT, people(3))
    office.dispatcher.steps.send_batch(office.dispatcher.batches("soldes")[0].id)
    client = office.client("view_campaign")

    assert "Spent in 24 hours 0.11 € in 31 days 0.11 €" in text_of(client, "/sms/")
    spend = text_of(client, SPEND)
    for row in ("Total 1 3 0.00 € 0.00 € 0.11 €", *(f"{n} 0.11 €" for n in ("1 day", "7 days"))):
        assert row in spend


def test_pages_show_amounts_in_one_form(office: Office) -> None:
    campaign = office.dispatcher.submit("soldes", TEXT, people(3))
    batch = office.dispatcher.batches("soldes")[0].id
    office.dispatcher.steps.send_batch(batch)
    client = office.client("view_campaign", "view_doubt")
    for page in (CAMPAIGNS, f"{CAMPAIGNS}{campaign}/", f"{BATCHES}{batch}/"):
        shown = text_of(client, page)
        assert "0.11 €" in shown
        assert "0.114" not in shown


def test_campaign_page_shows_its_sender(office: Office) -> None:
    number = office.dispatcher.submit("number", TEXT, people(1), from_number="+33639988888")
    survey = office.dispatcher.submit("survey", "", people(1), survey="a1b2")
    client = office.client("view_campaign")
    assert f"+33639988888 {TEXT}" in text_of(client, f"{CAMPAIGNS}{number}/")
    shown = text_of(client, f"{CAMPAIGNS}{survey}/")
    assert "Survey a1b2" in shown
    assert "MaBoutique" not in shown


def test_batch_page_shows_attempts_instants_and_segments(office: Office) -> None:
    office.dispatcher.submit("soldes", TEXT, people(3))
    batch = office.dispatcher.batches("soldes")[0].id
    client = office.client("view_campaign")
    assert "Attempts 0 Left – Next look at reports – Segments 3" in text_of(
        client, f"{BATCHES}{batch}/"
    )
    office.dispatcher.steps.send_batch(batch)
    shown = text_of(client, f"{BATCHES}{batch}/")
    assert "Metropolitan France Attempts 1 Left" in shown
    assert "–" not in shown.partition("Attempts")[2].partition("Segments")[0]


def test_page_of_a_running_campaign_looks_again_and_of_an_ended_one_does_not(
    office: Office,
) -> None:
    campaign = office.dispatcher.submit("soldes", TEXT, people(3))
    client = office.client("view_campaign")
    ended = b'data-next="0"'
    assert ended not in client.get(f"{CAMPAIGNS}{campaign}/").content
    office.dispatcher.cancel(campaign)
    assert ended in client.get(f"{CAMPAIGNS}{campaign}/").content


def test_reference_in_the_search_redirects_to_its_campaign(office: Office) -> None:
    campaign = office.dispatcher.submit("soldes", TEXT, people(3))
    office.dispatcher.submit("soldes-2", TEXT, people(3))
    client = office.client("view_campaign")
    found = client.get(CAMPAIGNS, {"reference": "soldes"})
    assert found.headers["Location"] == f"{CAMPAIGNS}{campaign}/"
    assert "No campaign here" in text_of(client, f"{CAMPAIGNS}?reference=nothing")


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("", {"soldes-1", "soldes-2", "autre"}),
        ("state=paused&since=2026-01-01&reference_prefix=", {"soldes-2"}),
        ("reference_prefix=soldes", {"soldes-1", "soldes-2"}),
        ("since=2999-01-01", set()),
        ("since=yesterday", {"soldes-1", "soldes-2", "autre"}),
    ],
)
def test_list_shows_what_the_filters_select(office: Office, query: str, shown: set[str]) -> None:
    for reference in ("soldes-1", "soldes-2", "autre"):
        office.dispatcher.submit(reference, TEXT, people(1))
    office.dispatcher.pause("soldes-2")

    page = office.client("view_campaign").get(f"{CAMPAIGNS}?{query}").content.decode()

    assert {one for one in ("soldes-1", "soldes-2", "autre") if f">{one}</a>" in page} == shown
    assert ('class="note warning"' in page) == (query == "since=yesterday")


def test_tags_are_shown_and_filtered_by(office: Office) -> None:
    campaign = office.dispatcher.submit("soldes", TEXT, people(1), tags=["lyon", "sale"])
    office.dispatcher.submit("autre", TEXT, people(1))
    client = office.client("view_campaign")

    page = client.get(f"{CAMPAIGNS}?tag=SALE").content.decode()

    assert (">soldes</a>" in page, ">autre</a>" in page) == (True, False)
    assert "lyon, sale" in page
    assert "Tags lyon, sale" in text_of(client, f"{CAMPAIGNS}{campaign}/")


def test_account_is_shown_and_filtered_by(shop: str) -> None:
    office = Office(accounts="shop")
    lazy._wrapped = office.dispatcher
    office.dispatcher.submit("soldes", TEXT, people(3), account="shop")
    office.dispatcher.submit("autre", TEXT, people(3))
    client = office.client("view_campaign")
    shown = text_of(client, f"{CAMPAIGNS}?account=shop")
    assert "soldes shop" in shown
    assert "autre" not in shown
    assert "Account shop" in text_of(client, f"{CAMPAIGNS}1/")
    assert client.get(f"{CAMPAIGNS}?account=nobody").status_code == 200
    lazy.forget()


def test_long_list_is_cut_in_pages(office: Office) -> None:
    for number in range(51):
        office.dispatcher.submit(f"c{number:02d}", TEXT, people(1))
    client = office.client("view_campaign")
    first, second = (text_of(client, f"{CAMPAIGNS}?from={at}") for at in (0, 50))
    assert "1–50 / 51 next" in first
    assert ("c50 " in first, "c00 " in first) == (True, False)
    assert ("c50 " in second, "c00 " in second) == (False, True)
    assert text_of(client, f"{CAMPAIGNS}?from=no").count("c50") == 1


@pytest.mark.parametrize(
    "path",
    [
        "campaigns/9/",
        "batches/9/",
        "campaigns/9/pause/",
        "campaigns/9/results/",
        f"campaigns/{'9' * 20}/",
        f"batches/{'9' * 20}/",
        f"campaigns/{'9' * 20}/pause/",
        f"campaigns/{'9' * 20}/results/",
    ],
)
def test_unknown_address_is_not_found(office: Office, path: str) -> None:
    client = office.client("view_campaign", "pause_campaign", "take_results")
    assert client.get(f"/sms/{path}").status_code == 404


# -- numbers


def test_number_without_the_permission_is_masked(office: Office) -> None:
    office.dispatcher.submit("soldes", TEXT, people(2))
    office.dispatcher.opt_outs.add(people(1, 2))
    batch = f"{BATCHES}{office.dispatcher.batches('soldes')[0].id}/"
    some = office.client("view_campaign", "view_optout")
    for path, masked in ((batch, "+336••••••00"), (OPT_OUTS, "+336••••••02")):
        assert masked in text_of(some, path)
        assert "98000" not in some.get(path).content.decode()

    everything = office.client("view_campaign", "view_optout", "show_full_numbers", name="luc")
    assert people(1)[0] in text_of(everything, batch)
    assert people(1, 2)[0] in text_of(everything, OPT_OUTS)
    assert {
        (seen.actor, seen.origin, seen.reason)
        for seen in office.dispatcher.record.page(verb="see numbers")
    } == {
        ("luc", "Django, from 127.0.0.1", f"of batch {batch.split('/')[-2]}"),
        ("luc", "Django, from 127.0.0.1", "of the opt-out list"),
    }


@pytest.mark.parametrize("gap", ["/", ".", "-", "_", "\u2212"], ids=ascii)
def test_number_in_a_reference_or_a_reason_is_masked_on_every_page(
    office: Office, gap: str
) -> None:
    number = gap.join(("06", "39", "98", "00", "00"))
    office.dispatcher.submit(f"for {number}", TEXT, people(2))
    office.dispatcher.pause(f"for {number}", reason=f"{number} complained", by=f"for {number}")
    office.dispatcher.opt_outs.add(people(1), reason=f"{number} rang", source=number, by=number)
    batch = office.dispatcher.batches(f"for {number}")[0].id
    client = office.client("view_campaign", "view_optout", "resume_campaign", "see_installation")

    pages = [
        text_of(client, "/sms/"),
        text_of(client, CAMPAIGNS),
        text_of(client, f"{CAMPAIGNS}1/"),
        text_of(client, f"{CAMPAIGNS}1/resume/"),
        text_of(client, f"{CAMPAIGNS}1/resume/", reason=f"{number} is calm"),
        text_of(client, f"{BATCHES}{batch}/"),
        text_of(client, "/sms/installation/record/"),
        text_of(client, OPT_OUTS),
        text_of(client, OPT_OUTS, phone=people(1)[0], search="1"),
    ]

    for page in pages:
        assert "639980" not in re.sub(r"[\W_]", "", page)


def test_opt_out_in_any_spelling_is_found_by_post_only(office: Office) -> None:
    office.dispatcher.opt_outs.add(people(1), reason="by phone", by="luc")
    client = office.client("view_optout")

    shown = text_of(client, OPT_OUTS, phone="06 39 98 00 00", search="1")

    assert "+336••••••00 On the list: never texted." in shown
    assert "add · By hand · luc · by phone" in shown
    assert "Not on the list" in text_of(client, OPT_OUTS, phone="06 39 98 00 01", search="1")
    assert "Landline" in text_of(client, OPT_OUTS, phone="01 40 00 00 00", search="1")
    assert "On the list" not in text_of(client, f"{OPT_OUTS}?phone=0639980000&search=1")


def test_adding_an_opt_out_needs_a_reason_and_the_permission(office: Office) -> None:
    phone = "06 39 98 00 00"
    some, more = (
        office.client("view_optout"),
        office.client("view_optout", "add_optout", name="luc"),
    )

    text_of(some, OPT_OUTS, status=403, phone=phone, add="1", reason="by phone")
    assert "A reason is needed" in text_of(more, OPT_OUTS, phone=phone, add="1")
    assert phone not in office.dispatcher.opt_outs

    assert "The number is never texted again" in text_of(
        more, OPT_OUTS, phone=phone, add="1", reason="by phone"
    )
    [change] = office.dispatcher.opt_outs.history(phone)
    assert (change.actor, change.source, change.reason) == ("luc", "console", "by phone")


def test_probable_refusals_are_listed_and_decided(office: Office) -> None:
    for phone in people(2):
        reply = {"type": "response", "phone_number": phone, "text": "Non merci STOP"}
        office.dispatcher.inbox.take("reply", json.dumps(reply).encode())
    anne, bruno = people(2)
    some, more = (
        office.client("view_optout"),
        office.client("view_optout", "add_optout", name="luc"),
    )
    page = more.get(REPLIES).content.decode()
    first, second = re.findall(r'name="person" value="(\w+)"', page)
    persons = {first: anne, second: bruno}

    assert "2 replies may be refusals. Decide" in text_of(some, OPT_OUTS)
    assert "Non merci STOP" in text_of(some, REPLIES)
    text_of(some, REPLIES, status=403, person=first, kept="1", reason="our hours")
    assert "no refusal" in text_of(more, REPLIES, person=first, kept="1", reason="our hours")
    assert "never texted again" in text_of(more, REPLIES, person=second, refused="1")
    assert "May be refusals" not in text_of(some, REPLIES)
    changes = [office.dispatcher.opt_outs.history(persons[one])[-1] for one in (first, second)]
    assert [(one.actor, one.reason) for one in changes] == [
        ("luc", "our hours"),
        ("luc", "read in the console"),
    ]
    assert persons[first] not in office.dispatcher.opt_outs
    assert persons[second] in office.dispatcher.opt_outs


def test_replies_themselves_need_their_own_permission(office: Office) -> None:
    reply = {"type": "response", "phone_number": people(1)[0], "text": "Bonjour Zoe"}
    office.dispatcher.inbox.take("reply", json.dumps(reply).encode())
    assert "Bonjour Zoe" not in text_of(office.client("view_optout"), REPLIES)
    assert "Bonjour Zoe" in text_of(office.client("read_replies", name="luc"), REPLIES)
    assert office.client("view_campaign", name="ana").get(REPLIES).status_code == 403


# -- verbs


@pytest.mark.parametrize(
    ("before", "verb", "after"),
    [
        ("running", "pause", "paused"),
        ("paused", "resume", "running"),
        ("running", "cancel", "cancelled"),
    ],
)
def test_action_without_a_reason_is_refused_and_with_one_recorded(
    office: Office, before: str, verb: str, after: str
) -> None:
    campaign = office.dispatcher.submit("soldes", TEXT, people(3))
    if before == "paused":
        office.dispatcher.pause(campaign, reason="wrong text")
    client = office.client("view_campaign", f"{verb}_campaign")
    path = f"{CAMPAIGNS}{campaign}/{verb}/"
    assert f'href="{path}"' in client.get(f"{CAMPAIGNS}{campaign}/").content.decode()

    assert "soldes" in text_of(client, path)
    assert office.dispatcher.progress(campaign).state == before
    assert "Give a reason" in text_of(client, path, reason=" ")
    assert office.dispatcher.progress(campaign).state == before

    done = client.post(path, {"reason": "asked by the shop"}, follow=True)

    assert done.redirect_chain == [(f"{CAMPAIGNS}{campaign}/", 302)]
    assert office.dispatcher.progress(campaign).state == after
    latest = office.dispatcher.actions(campaign)[0]
    assert (latest.verb, latest.actor, latest.reason) == (verb, "zoe", "asked by the shop")
    rest = "Nothing is in flight." in done.content.decode()
    assert rest == (verb != "resume")


def test_forbidden_action_is_not_offered_and_changes_nothing(office: Office) -> None:
    campaign = office.dispatcher.submit("soldes", TEXT, people(3))
    office.dispatcher.cancel(campaign)
    client = office.client("view_campaign", *VERBS)

    page = client.get(f"{CAMPAIGNS}{campaign}/").content.decode()
    assert f"{campaign}/resume/" not in page
    text_of(client, f"{CAMPAIGNS}{campaign}/resume/", reason="yes")
    assert office.dispatcher.progress(campaign).state == "cancelled"


def test_action_without_its_permission_is_refused(office: Office) -> None:
    campaign = office.dispatcher.submit("soldes", TEXT, people(3))
    batch = office.in_doubt("other")
    client = office.client(*VIEWS)

    for page in (f"{CAMPAIGNS}{campaign}/", f"{BATCHES}{batch}/", DOUBTS):
        shown = client.get(page).content.decode()
        assert not re.search(r"/(pause|resume|cancel|resend|give-up)/", shown)
    for path in (
        *(f"{CAMPAIGNS}{campaign}/{verb}/" for verb in ("pause", "cancel")),
        *(f"{DOUBTS}{batch}/{verb}/" for verb in ("resend", "give-up")),
    ):
        text_of(client, path, status=403, reason="yes")
        text_of(client, path, status=403)
    office.dispatcher.pause(campaign)
    text_of(client, f"{CAMPAIGNS}{campaign}/resume/", status=403, reason="yes")
    assert office.dispatcher.progress(campaign).state == "paused"
    assert office.dispatcher.batch(batch).state == "in_doubt"


def test_page_without_its_permission_is_refused(office: Office) -> None:
    campaign = office.dispatcher.submit("soldes", TEXT, people(3))
    batch = office.dispatcher.batches("soldes")[0].id
    client = office.client(*VERBS)
    for path in (
        CAMPAIGNS,
        f"{CAMPAIGNS}{campaign}/",
        f"{CAMPAIGNS}{campaign}/live/",
        f"{CAMPAIGNS}{campaign}/pause/",
        f"{CAMPAIGNS}{campaign}/results/",
        f"{BATCHES}{batch}/",
        DOUBTS,
        OPT_OUTS,
        f"{OPT_OUTS}export/",
        "/sms/unreachable/",
        "/sms/spend/file/",
        "/sms/weekly-cap/",
    ):
        assert client.get(path).status_code == 403, path
        assert Client().get(path).status_code == 302, path


def test_post_without_csrf_token_is_refused(office: Office) -> None:
    campaign = office.dispatcher.submit("soldes", TEXT, people(3))
    client = office.client("view_campaign", *VERBS, enforce_csrf_checks=True)
    done = client.post(f"{CAMPAIGNS}{campaign}/cancel/", {"reason": "ha"})
    assert done.status_code == 403
    assert office.dispatcher.progress(campaign).state == "running"


# -- doubts


def test_pages_of_fifty_take_as_many_statements_as_those_of_three(office: Office) -> None:
    office = Office(doubt_limit=99)
    lazy._wrapped = office.dispatcher
    client, counts = office.client(*VIEWS), []
    for first, last in ((0, 3), (3, 50)):
        add_doubts(office.dispatcher, office.gateway, first, last)
        for path in (CAMPAIGNS, DOUBTS):
            with counted() as ours, CaptureQueriesContext(connection) as theirs:
                assert text_of(client, path).count("doubt ") >= last
            counts.append((len(ours), len(theirs)))
    assert counts[:2] == counts[2:]


def test_doubt_given_up_on_the_page_is_failed(office: Office) -> None:
    batch = office.in_doubt()
    client = office.client("view_doubt", "give_up_doubt", "resend_doubt")
    assert "soldes · 1" in text_of(client, DOUBTS)
    assert office.dispatcher.doubts()[0].tag in text_of(client, DOUBTS)
    assert "never get the text" in text_of(client, f"{DOUBTS}{batch}/give-up/")

    client.post(f"{DOUBTS}{batch}/give-up/", {"reason": "too late"})

    assert office.dispatcher.progress("soldes").messages["unreported"] == 3
    assert "Nothing is in doubt" in text_of(client, DOUBTS)
    assert office.dispatcher.actions("soldes")[0].actor == "zoe"
    again = client.get(f"{DOUBTS}{batch}/give-up/")
    assert again.headers["Location"] == DOUBTS
    assert client.get(f"{DOUBTS}{batch}/nothing/").status_code == 404


def test_doubt_resent_on_the_page_is_sent_again(office: Office) -> None:
    batch = office.in_doubt()
    client = office.client("view_doubt", "view_campaign", "resend_doubt")
    assert f"{DOUBTS}{batch}/resend/" in client.get(f"{BATCHES}{batch}/").content.decode()
    assert "texted twice and billed twice" in text_of(client, f"{DOUBTS}{batch}/resend/")

    client.post(f"{DOUBTS}{batch}/resend/", {"reason": "the shop says so"})

    assert office.dispatcher.batch(batch).state == "pending"
    assert f"batch {batch}" in text_of(client, f"{CAMPAIGNS}1/").rpartition("Record")[2]


def test_unreachable_gateway_is_shown_and_nothing_changes(office: Office) -> None:
    batch = office.in_doubt()
    office.gateway.blind = True
    client = office.client("view_doubt", "resend_doubt")
    shown = text_of(client, f"{DOUBTS}{batch}/resend/", reason="yes")
    assert "HTTP 503 with an unreadable body" in shown
    assert office.dispatcher.batch(batch).state == "in_doubt"


def test_resend_without_a_key_is_refused_with_one_sentence(shop: str, office: Office) -> None:
    batch = office.in_doubt()
    lazy.forget()
    client = office.client("view_doubt", "resend_doubt")
    shown = text_of(client, f"{DOUBTS}{batch}/resend/", reason="yes")
    assert "DISPATCHER[&quot;API_KEY&quot;] is not set" in shown


# -- budgets


def test_operator_sets_and_removes_a_budget_and_others_only_see_it(office: Office) -> None:
    office = Office(prices="metropole=0.04")
    lazy._wrapped = office.dispatcher
    operator = office.client("view_campaign", "set_budget")
    viewer = office.client("view_campaign", "see_installation", name="luc")

    done = text_of(operator, SPEND, budget_tag="Shop-Lyon", euros="40,50")
    assert "The budget of tag shop-lyon is set" in done
    assert "shop-lyon 40.50 € 0.00 € 0.00 € 40.50 € Remove" in done
    assert "is below one batch" in text_of(operator, SPEND, budget_tag="shop-lyon", euros="10")
    seen = text_of(viewer, SPEND)
    assert "shop-lyon 40.50 €" in seen
    assert "Set the budget" not in seen
    assert viewer.post(SPEND, {"budget_tag": "shop-lyon", "remove": "1"}).status_code == 403
    for _click in range(2):
        done = text_of(operator, SPEND, budget_tag="shop-lyon", remove="1")
        assert "Campaigns with tag shop-lyon may cost anything" in done
        assert "dispatcher budgets" not in done
    assert office.dispatcher.budgets.all() == ()
    actors = [(one.verb, one.actor) for one in office.dispatcher.record.page(limit=2)]
    assert actors == [("remove budget", "zoe"), ("set budget", "zoe")]


def test_campaign_that_waits_for_a_budget_needs_a_person_on_the_first_page(
    office: Office,
) -> None:
    office = Office(prices="metropole=0.04")
    lazy._wrapped = office.dispatcher
    office.dispatcher.budgets.set("shop", 20)
    office.dispatcher.submit("soldes", TEXT, people(501), tags=["shop"])
    office.dispatcher.tick()
    says = "the budget of tag shop has 20.00 € left in 2026-11, and the campaign needs 20.04 €"
    for language, words in (("en", says), ("fr", "il reste 20,00 € au budget de l")):
        client = office.client("view_campaign", name=language)
        client.defaults["HTTP_ACCEPT_LANGUAGE"] = language
        shown = text_of(client, "/sms/")
        assert (
            words.lower()[1:]
            in shown.partition("Under way" if language == "en" else "En cours")[0].lower()
        )


# -- what is down


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            {"DATABASE_URL": "postgresql://nobody@127.0.0.1:9/nothing"},
            "he database cannot be used",
        ),
        ({"SENDER": "é"}, "DISPATCHER[&quot;SENDER&quot;]"),
        ({"DATABASE": "nothing"}, "here is no &#x27;nothing&#x27; in DATABASES"),
    ],
)
def test_error_is_shown_as_a_page(shop: str, text: dict[str, Any], says: str) -> None:
    client = Office().client(*VIEWS)
    with django_project.said(**text):
        for path in ("/sms/", CAMPAIGNS, f"{CAMPAIGNS}1/", DOUBTS, OPT_OUTS, "/sms/spend/"):
            shown = text_of(client, path, status=503)
            assert says in shown
            assert "Traceback" not in shown


def test_action_works_while_redis_is_down(shop: str) -> None:
    client = Office().client("view_campaign", "resume_campaign")
    with django_project.said(BROKER_URL="redis://127.0.0.1:1/0"):
        from dispatcher.contrib.django import dispatcher

        campaign = dispatcher.submit("soldes", TEXT, people(3))
        dispatcher.pause(campaign)
        done = client.post(f"{CAMPAIGNS}{campaign}/resume/", {"reason": "yes"}, follow=True)
        assert "The campaign is running again" in done.content.decode()

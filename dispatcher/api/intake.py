"""The way of a list into a campaign: recipients are screened, cut in batches and scheduled."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from functools import cached_property
from itertools import islice

from dispatcher.api.installation import Installation
from dispatcher.api.recipient_list import listed
from dispatcher.api.screening import Screening
from dispatcher.campaigns.batch import PlannedBatch
from dispatcher.campaigns.caps import check_campaign, usage_of
from dispatcher.campaigns.consent import ASK
from dispatcher.campaigns.consent_column import ConsentColumns, ConsentReader
from dispatcher.campaigns.last_contacts import LastContacts, today_of
from dispatcher.campaigns.paced_batches import PacedBatches
from dispatcher.campaigns.plan import approve, warnings_of
from dispatcher.campaigns.planner import Planner, against_unicode
from dispatcher.campaigns.prices import unpriced
from dispatcher.campaigns.schedule import Schedule
from dispatcher.campaigns.smoothing import too_fast
from dispatcher.campaigns.submission import Options, RecipientInput, Submission
from dispatcher.campaigns.wording import counted, stamp
from dispatcher.errors import InvalidCampaign
from dispatcher.recipients import Rejection
from dispatcher.settings import Settings
from dispatcher.settings.accounts import DEFAULT
from dispatcher.storage import stale_people
from dispatcher.storage.database import Database
from dispatcher.window import Hold, NeverOpen

#: a campaign that was to begin before then is warned of
_LONG_AGO = timedelta(days=1)
#: groups of last contacts that one transaction stores: 10,000 people
_GROUPS = 20


class Intake:
    """One submission and its list. ``submit`` stores the batches, ``preview`` counts them.

    The counters of ``planner`` are complete once all batches have been read. Raises InvalidText
    or InvalidCampaign, before any number is checked.
    """

    def __init__(
        self,
        installation: Installation,
        submission: Submission,
        reject: Callable[[Rejection], None] | None,
    ) -> None:
        self.submission = submission
        self.account = submission.account or DEFAULT
        self.settings = installation.settings.of_account(self.account)
        self.now = installation.clock()
        columns = ConsentColumns.of(submission.consent)
        consents = ConsentReader(columns, self.now) if columns else None
        #: of the recipients, once the list is read
        self.contacts = LastContacts(today_of(self.now))
        self.planner = planner_of(submission, self.settings, reject, consents, self.contacts)
        self._windows = installation.windows
        self.planner.places.check_open = self._check_open
        #: what cuts and schedules the batches of a smoothed campaign
        self.paced = (
            PacedBatches(submission.smoothing, submission.call_size)
            if submission.smoothing
            else None
        )

    def cut(
        self, recipients: Iterable[RecipientInput], screening: Screening
    ) -> Iterator[PlannedBatch]:
        """The recipients, screened and cut in batches. Raises UnusableInput or InvalidCampaign."""
        batches = self.read(recipients, screening)
        return batches if self.paced is None else self.paced.cut(batches)

    def read(
        self, recipients: Iterable[RecipientInput], screening: Screening
    ) -> Iterator[PlannedBatch]:
        """The same as it is read, at no pace: for a campaign that is stored. Raises UnusableInput.

        Who has submitted it before is not told again that it takes too long.
        """
        self.planner.excluded = screening.excluded
        return self.planner.cut(screening.checked(listed(recipients), self.planner.places))

    @cached_property
    def schedule(self) -> Schedule:
        """When batches may leave. Raises InvalidCampaign if ``not_after`` is too early."""
        return Schedule(self.submission, self._windows, self.now)

    def _check_open(self, territory: str) -> None:
        """Raise NeverOpen, with the setting that would send it, if a territory never opens."""
        try:
            self.schedule.hold(territory)
        except NeverOpen as error:
            cure = "DISPATCHER_WINDOW_CLOCK=recipient sends by the recipient's clock alone"
            raise NeverOpen(f"{error}; {cure}", error.next_open) from None

    def scheduled(self, batches: Iterable[PlannedBatch]) -> Iterator[tuple[PlannedBatch, Hold]]:
        """Each batch, from the first one on, with what it waits for. Raises NeverOpen."""
        schedule = self.schedule
        if self.paced is None:
            return ((batch, schedule.hold(batch.territory)) for batch in batches)
        windows = self._windows if self.submission.commercial else None
        return self.paced.scheduled(
            batches, start=schedule.start, windows=windows, first=schedule.hold
        )

    def check_consent(self) -> None:
        """Raise InvalidCampaign if a source of consents is missing, or is not set up.

        For what is new: a campaign that is stored is the same one under other settings, too.
        """
        source = self.submission.consent
        if source == ASK and not self.settings.consent:
            raise InvalidCampaign(
                'consent="ask" asks the application, and DISPATCHER_CONSENT names no function of it'
            )
        if self.settings.consent_required and self.submission.commercial and source is None:
            raise InvalidCampaign(
                "a commercial campaign needs a source of consents (DISPATCHER_CONSENT_REQUIRED):"
                f' give consent="{ASK}", or "column:NAME" of the list'
            )

    def check(self) -> None:
        """Raise InvalidCampaign or NeverOpen if the list, now read, cannot be sent as asked."""
        self.planner.check(strict=self.submission.strict)
        self.schedule.check(self.planner.territories)

    def check_caps(self, *, opted_out: int) -> None:
        """Raise InvalidCampaign if the campaign exceeds a cap, without those ``opted_out``."""
        planner = self.planner
        usage = usage_of(
            planner.kept - opted_out, planner.billed, self.settings.prices, planner.texts.known
        )
        check_campaign(self.settings, usage)

    def warnings(self, *, late: int, private: bool = True) -> list[str]:
        """What a person should read before submitting, once the list is read.

        ``late`` messages would leave too late. Without values unless ``private``.
        """
        planner, submission = self.planner, self.submission
        closed = self.schedule.late(planner.territories)
        warnings = warnings_of(
            rows=planner.rows,
            rejected=planner.without_number,
            missing=planner.texts.missing,
            values=planner.texts.findings.sentences(planner.kept, private=private),
            commercial=submission.commercial,
            sender=submission.sender,
            text=submission.text,
            unpriced=unpriced(planner.billed, self.settings.prices),
            late=late,
            closed=closed,
            from_number=submission.from_number,
            survey=submission.survey is not None,
        )
        shut = sum(planner.territories[name] for name in closed)
        warnings += too_fast(submission.smoothing, planner.kept - shut, late - shut)
        return warnings + planner.warnings + self._past()

    def note_contacts(self, database: Database, *, again: bool = False) -> None:
        """Store the last contacts of the list, once its campaign is, in short transactions.

        Submissions of the same people wait for each other only that long. What a crash leaves out
        comes when the campaign is submitted ``again``. Raises StorageError.
        """

        def note() -> None:
            groups = self.contacts.groups(stale_people.STRIDE)
            while some := list(islice(groups, _GROUPS)):
                with database.write() as session:
                    stale_people.note(session, *some, again=again)

        if len(self.contacts):
            database.after_commit(note)

    def _past(self) -> list[str]:
        """A sentence if the campaign was to begin long ago, as by a year that is wrong."""
        at = self.submission.not_before
        if at is None or self.now - at < _LONG_AGO:
            return []
        days = counted((self.now - at).days, "day")
        says = f"not_before, {stamp(at)} in Paris, was {days} ago"
        return [f"{says}: the campaign leaves as soon as it may"]

    @property
    def fingerprint(self) -> str:
        """The hash of what was submitted, once the list is read."""
        return self.submission.fingerprint(self.planner.digest)

    def plan_fingerprint(self) -> str:
        """The fingerprint of the plan. Raises PlanChanged if another plan was approved."""
        prices = self.settings.prices
        return approve(self.submission.approved, self.fingerprint, self.planner, prices)


def submission_of(
    settings: Settings, account: str | None, reference: str, text: str, options: Options
) -> Submission:
    """A submission through its account, which gives the sender if the caller names none.

    ``account`` is the only one that may be used; None allows all. Raises InvalidCampaign.
    """
    name = options.get("account") or account or DEFAULT
    if account not in (None, name):
        raise InvalidCampaign(f"account {name!r} is not that of this dispatcher")
    own = settings.of_account(name)
    options = {**options, "account": name}
    if not (options.get("sender") or options.get("from_number") or options.get("survey")):
        options |= {"sender": own.sender, "from_number": own.from_number}
    return Submission(reference=reference, text=text, **options)


def planner_of(
    submission: Submission,
    settings: Settings,
    reject: Callable[[Rejection], None] | None,
    consents: ConsentReader | None = None,
    contacts: LastContacts | None = None,
) -> Planner:
    """What cuts the list in batches; ``settings`` are those of the submission's account.

    Raises InvalidText or InvalidCampaign.
    """
    return Planner(
        submission.text,
        territory=submission.territory,
        stop_budget=settings.stop_budget if submission.commercial else 0,
        reject=reject,
        survey=submission.survey is not None,
        no_unicode=against_unicode(enabled=settings.unicode, from_number=submission.from_number),
        consents=consents,
        contacts=contacts,
    )

"""The way of a list into a campaign: recipients, screened, cut in batches, scheduled."""

from __future__ import annotations

from dispatcher.campaigns.submission import Options, Submission
from dispatcher.errors import InvalidCampaign
from dispatcher.settings import Settings
from dispatcher.settings.accounts import DEFAULT


def submission_of(
    settings: Settings, account: str | None, reference: str, text: str, options: Options
) -> Submission:
    """A submission through its account, which gives the sender where the caller names none.

    ``account`` is the only one that may be used; None stands for any. Raises InvalidCampaign.
    """
    name = options.get("account") or account or DEFAULT
    if account not in (None, name):
        raise InvalidCampaign(f"account {name!r} is not that of this dispatcher")
    own = settings.of_account(name)
    options = {**options, "account": name}
    if not (options.get("sender") or options.get("from_number") or options.get("survey")):
        options |= {"sender": own.sender, "from_number": own.from_number}
    return Submission(reference=reference, text=text, **options)

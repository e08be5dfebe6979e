"""Writing drafts: text, options and list, saved as one types."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Unpack

from sqlalchemy.orm import Session

from dispatcher.api.actor import identity, on_record
from dispatcher.api.draft_lists import recipients_of, storable
from dispatcher.api.draft_reader import DraftReader
from dispatcher.api.others import check_drafts
from dispatcher.campaigns.draft import (
    Draft,
    checked_options,
    named_in,
    stored_json,
    with_writer,
    written_options,
)
from dispatcher.campaigns.states import DraftState
from dispatcher.campaigns.submission import Options, RecipientInput, Submission
from dispatcher.errors import InvalidCampaign, NotFound, ReferenceTaken
from dispatcher.recipients import Recipient
from dispatcher.recipients.reasons import SEVERAL_NUMBERS
from dispatcher.settings.accounts import DEFAULT
from dispatcher.storage import actions, draft_lists, drafts
from dispatcher.storage.campaigns import campaigns
from dispatcher.storage.driver_errors import Conflict


class WrittenDrafts(DraftReader):
    """Writes drafts, and deletes them."""

    def create(self, reference: str, text: str = "", **options: Unpack[Options]) -> Draft:
        """A new draft under the caller's reference; its author is who acts.

        Raises ReferenceTaken if a draft or a campaign has the reference, and UnusableInput.
        """
        who, now = identity(), self._installation.clock()
        chosen, account = self._checked(reference, text, options)
        try:
            with self._installation.write() as session:
                if drafts.known(session, reference) or campaigns.stored(session, reference):
                    raise ReferenceTaken(f"reference {reference!r} is taken")
                check_drafts(session, reference, named_in(reference, chosen))
                draft_id = drafts.add(
                    session,
                    reference=reference,
                    account=account,
                    text=text,
                    options=written_options(chosen),
                    author=who,
                    writers=stored_json([who]),
                    created_at=now,
                    changed_at=now,
                    changed_by=who,
                )
                self._note(session, "write draft", reference, who)
        except Conflict:
            raise ReferenceTaken(f"reference {reference!r} is taken") from None
        return self.get(draft_id)

    def save(
        self,
        reference: int | str,
        *,
        version: int,
        text: str | None = None,
        options: Mapping[str, Any] | None = None,
        recipients: Iterable[RecipientInput] | None = None,
        source: str = "",
    ) -> Draft:
        """Save a text, options, a list, or all of it at once; it has to be planned again.

        What is None stays. ``options`` take the place of all that it had, and so do ``recipients``:
        they are as in ``submit``, at most ``draft.MOST_ROWS``. Rows that cannot be texted are
        stored, too, and ``rejected`` says why. ``source`` is the file's name. Raises UnusableInput.
        """
        draft = self._of_version(reference, version)
        text = draft.text if text is None else text
        chosen, account = self._checked(
            draft.reference, text, draft.options if options is None else options
        )
        if account != draft.account:
            raise InvalidCampaign("the account of a draft cannot be changed: write another draft")
        rows = None if recipients is None else storable(recipients)
        named = {
            "the text": text != draft.text,
            "the options": chosen != draft.options,
            "the list": rows is not None,
        }
        return self._write(
            draft,
            [name for name, changed in named.items() if changed],
            rows,
            source,
            text=text,
            options=chosen,
        )

    def set_list(
        self,
        reference: int | str,
        recipients: Iterable[RecipientInput],
        *,
        version: int,
        source: str = "",
    ) -> Draft:
        """Save a list in place of the one that the draft has; see ``save``."""
        return self.save(reference, version=version, recipients=recipients, source=source)

    def set_column(self, reference: int | str, column: str, *, version: int) -> Draft:
        """Take the numbers of the stored list from another of its columns. Raises NotFound."""
        draft = self._of_version(reference, version)
        if column not in draft.columns:
            raise NotFound(f"the list of draft {draft.reference!r} has no column “{column}”")
        people = recipients_of(self._installation, draft)
        moved = (
            Recipient(
                one.fields.get(column, ""),
                one.fields,
                one.territory,
                one.row,
                one.raw,
                None if one.fault == SEVERAL_NUMBERS else one.fault,  # now it is known which
                one.key,
            )
            for one in people
        )
        return self.save(draft.id, version=version, recipients=moved, source=draft.source)

    def discard(self, reference: int | str, *, version: int, reason: str = "") -> None:
        """Delete a draft and its list. Raises IllegalMove once it was submitted."""
        draft, who = self._of_version(reference, version), identity()
        with self._installation.write() as session:
            drafts.remove(session, draft)
            self._note(
                session, "discard draft", draft.reference, who, on_record("a reason", reason)
            )

    def _write(
        self,
        draft: Draft,
        changes: Sequence[str],
        rows: list[Recipient] | None,
        source: str,
        *,
        options: Mapping[str, Any],
        **values: Any,
    ) -> Draft:
        """Save what a person has written: the plan is void, and its writer may not approve it."""
        who, now = identity(), self._installation.clock()
        undone = draft.state is not DraftState.DRAFT
        said = [f"{name} was changed by {who}" for name in changes] if undone else draft.changes
        writers = stored_json(with_writer(draft.writers, who))
        values |= drafts.NO_PLAN | {"writers": writers, "changes": stored_json(said)}
        values["options"] = written_options(options)
        del values["state"]
        if rows is not None:
            columns = stored_json(list(rows[0].fields))
            named = on_record("the name of the list", source)
            values |= {"rows": len(rows), "columns": columns, "source": named}
        with self._installation.write() as session:
            check_drafts(session, draft.reference, named_in(draft.reference, options))
            drafts.change(session, draft, DraftState.DRAFT, by=who, now=now, **values)
            if rows is not None:
                draft_lists.replace(session, draft.id, rows)
            if draft.state is DraftState.HANDED_IN:
                self._note(session, "change draft", draft.reference, who, "; ".join(said))
        return self.get(draft.id)

    def _checked(
        self, reference: str, text: str, options: Mapping[str, Any]
    ) -> tuple[dict[str, Any], str]:
        """The options that are set, and the account. Raises UnusableInput for an unusable one."""
        chosen = checked_options(options)
        account = chosen.pop("account", None) or self._account or DEFAULT
        if self._account not in (None, account):
            raise InvalidCampaign(f"account {account!r} is not that of this dispatcher")
        self._installation.settings.of_account(account)
        Submission(reference=reference, text=text, **chosen)
        check_storable(text + written_options(chosen))
        return chosen | ({"account": account} if account else {}), account

    def _note(
        self, session: Session, verb: str, reference: str, who: str, reason: str = ""
    ) -> None:
        """Put on record what somebody did to a draft."""
        named = f"{reference}: {reason}" if reason else reference
        now = self._installation.clock()
        actions.note(session, None, verb=verb, actor=who, now=now, reason=named)


def check_storable(words: str) -> None:
    """Raise InvalidCampaign for characters that PostgreSQL does not store."""
    if "\0" in words or any("\ud800" <= character <= "\udfff" for character in words):
        raise InvalidCampaign(
            "text and options may not hold a NUL or half of a surrogate pair: no database stores it"
        )

"""Drafts in a Django project: their list may be a QuerySet, or models."""

from __future__ import annotations

from collections.abc import Mapping

from dispatcher.api.drafts import Drafts
from dispatcher.campaigns.draft import Draft
from dispatcher.contrib.django.querysets import People, streamed
from dispatcher.contrib.people import Asked


class DjangoDrafts(Drafts):
    """The same drafts, with lists from the project's models."""

    def set_list(
        self,
        reference: int | str,
        recipients: People,
        *,
        version: int,
        source: str = "",
        phone: str | None = None,
        fields: Mapping[str, str] | None = None,
        territory_field: str | None = None,
        key: str | None = None,
    ) -> Draft:
        """Save a list in place of the one that the draft has; see ``Drafts.set_list``.

        ``phone``, ``fields``, ``territory_field`` and ``key`` are those of ``submit``. Of models
        the fields are stored that the draft's text uses now.
        """
        draft = self._of_version(reference, version)
        asked = Asked(draft.text, phone, fields, territory_field, key, draft.options.get("consent"))
        people = streamed(recipients, asked)
        return super().set_list(draft.id, people, version=version, source=source)

"""The list of a draft as a file, in a form as browsers and ``curl -F`` send it."""

from __future__ import annotations

from io import BytesIO
from typing import Annotated, Any, Final, Literal, Self

from flask import request
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from werkzeug.exceptions import UnsupportedMediaType
from werkzeug.formparser import FormDataParser

from dispatcher.contrib.flask.auth import too_large
from dispatcher.contrib.flask.draft_bodies import LARGEST_VERSION
from dispatcher.contrib.flask.schemas import problem_of
from dispatcher.recipients.files import RecipientFile, open_recipients

FORM_TYPE: Final = "multipart/form-data"
#: bytes of all parts but the file, and how many parts there may be
_SMALL, _PARTS = 1 << 16, 30


#: a list that has all columns
_EXAMPLE = "mobile;territoire;client;vu\n06 39 98 00 01;metropole;A17;03/02/2026\n"


def _digits(value: object) -> object:
    """A number of a form, which has digits alone."""
    return int(value) if isinstance(value, str) and value.isdecimal() and len(value) < 11 else value


def _in_memory(*_: object, **__: object) -> BytesIO:
    """Where the parser puts a file: the whole body is in memory already."""
    return BytesIO()


def _text(description: str, example: str) -> Any:
    """A field that may be left out: a form has no null, and empty says the same."""
    return Field("", max_length=500, description=description, examples=[example])


class ListUpload(BaseModel):
    """A file of recipients, in place of the list that a draft has; columns by name or position."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    file: Annotated[
        bytes,
        Field(
            description="CSV, XLSX, ODS or XLS, also compressed (.gz)",
            examples=[_EXAMPLE],
        ),
    ]
    version: Annotated[
        int,
        Field(ge=1, le=LARGEST_VERSION, description="the version that this was made from"),
        BeforeValidator(_digits),
    ]
    column: str = _text("the column of the numbers", "mobile")
    territory_column: str = _text("the column of the territories", "territoire")
    key_column: str = _text("the column by which you know each person", "client")
    last_contact_column: str = _text("the column of the last contacts", "vu")
    sheet: str = _text("the name of a sheet", "Feuil1")
    encoding: str = _text("that of a text, such as cp1252; without it, it is detected", "utf-8")
    skip_lines: Annotated[
        int,
        Field(ge=0, le=1000, description="lines above the header"),
        BeforeValidator(_digits),
    ] = 0
    hidden: Annotated[
        Literal["true", "false"], Field(description="also rows that are hidden in the sheet")
    ] = "false"

    @classmethod
    def of_request(cls, limit: int) -> tuple[Self, str]:
        """The form, and the name of its file.

        Raises RequestEntityTooLarge above ``limit`` bytes, UnsupportedMediaType, and Problem (422)
        for a form that does not match.
        """
        if request.mimetype != FORM_TYPE:
            raise UnsupportedMediaType(f"the Content-Type must be {FORM_TYPE}")
        body = request.stream.read(limit + 1)
        if len(body) > limit:
            raise too_large(limit)
        parser = FormDataParser(_in_memory, max_form_memory_size=_SMALL, max_form_parts=_PARTS)
        _, form, files = parser.parse(
            BytesIO(body), FORM_TYPE, len(body), dict(request.mimetype_params)
        )
        values: dict[str, Any] = dict(form.items())
        file = files.get("file")
        if file is not None:
            values["file"] = file.stream.read()
        try:
            return cls.model_validate(values), (file.filename or "") if file is not None else ""
        except ValidationError as error:
            raise problem_of(cls, error) from None

    def opened(self) -> RecipientFile:
        """The recipients. Raises InvalidFile."""
        return open_recipients(
            BytesIO(self.file),
            column=self.column or None,
            territory_column=self.territory_column or None,
            key_column=self.key_column or None,
            last_contact_column=self.last_contact_column or None,
            sheet=self.sheet or None,
            encoding=self.encoding or None,
            skip_lines=self.skip_lines,
            hidden=self.hidden == "true",
        )

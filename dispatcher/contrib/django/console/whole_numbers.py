"""A field for a whole number, such as a cap of recipients."""

from __future__ import annotations

import re
from typing import Any

from django import forms


class WholeNumberField(forms.IntegerField):
    """A whole number; its thousands may be set apart by spaces.

    Django's own drops what it takes for decimals, so that 1.000 would be 1.
    """

    re_decimal = re.compile(r"(?!)")

    def to_python(self, value: Any) -> int | None:
        """The number; None for nothing. Raises ValidationError."""
        if isinstance(value, str):
            value = re.sub(r"(?<=\d)[ \xa0\u202f](?=\d{3}(?!\d))", "", value)
        return super().to_python(value)

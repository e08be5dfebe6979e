"""An answer in the gateway's XML: entries without names, in the order of the JSON."""

from __future__ import annotations

from typing import Any, Final

#: the one object whose values keep their names
_NAMED: Final = "user"


def dumps(document: dict[str, Any]) -> bytes:
    """The XML of a document."""
    inner = "".join(
        _element("entry", value, named=name == _NAMED) for name, value in document.items()
    )
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<result>{inner}</result>\n'.encode()


def _element(name: str, value: Any, *, named: bool = False) -> str:
    if value is None:
        nil = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:nil="true"'
        return f"<{name} {nil}/>"
    return f"<{name}>{_content(value, named=named)}</{name}>"


def _content(value: Any, *, named: bool) -> str:
    if isinstance(value, dict):
        return "".join(_element(name if named else "entry", inner) for name, inner in value.items())
    if isinstance(value, list):
        return "".join(_element("entry", inner) for inner in value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    # a section cannot hold its own end
    text = "".join(c for c in str(value) if c >= " " or c in "\t\n\r").replace(
        "]]>", "]]]]><![CDATA[>"
    )
    return f"<![CDATA[{text}]]>"

"""Methods for async code: each runs its sync one in the thread that has Django's connections."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Concatenate, ParamSpec, TypeVar

from asgiref.sync import sync_to_async

_Self = TypeVar("_Self")
_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")


def in_thread(
    method: Callable[Concatenate[_Self, _Arguments], _Result],
) -> Callable[Concatenate[_Self, _Arguments], Coroutine[Any, Any, _Result]]:
    """The method as a coroutine; it raises the same."""

    async def call(self: _Self, /, *args: _Arguments.args, **named: _Arguments.kwargs) -> _Result:
        return await sync_to_async(method)(self, *args, **named)

    call.__name__, call.__doc__ = f"a{method.__name__}", method.__doc__
    return call

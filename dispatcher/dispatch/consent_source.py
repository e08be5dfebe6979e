"""The function of the application that knows who consents: loaded, and called with a limit.

``DISPATCHER_CONSENT="shop.sms:consents"`` names it. It is called in a thread of its own, which is
left alone if it hangs: the number of such threads is limited.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from importlib import import_module
from operator import attrgetter
from typing import Any

from dispatcher.campaigns.consent import Answer, Person
from dispatcher.errors import ConfigurationError

Function = Callable[[Sequence[Person]], object]
#: what is made of the function's answer
Read = Callable[[object], Answer]

#: seconds to wait for a place among the threads
_TURN = 1.0


class NoAnswer(Exception):
    """The function gave no answer; the message says what it did, without numbers."""


class Surroundings:
    """What the function is called within: fresh connections in Django, an app context in Flask."""

    def __init__(self) -> None:
        self.enter: Callable[[], AbstractContextManager[Any]] = nullcontext


surroundings = Surroundings()


def load(name: str) -> Function:
    """The function that ``module:function`` names. Raises ConfigurationError."""
    found = named(name, "DISPATCHER_CONSENT")
    if not callable(found):
        raise ConfigurationError(f"DISPATCHER_CONSENT: {name} is no function")
    return found  # type: ignore[no-any-return]


def named(name: str, what: str) -> Any:
    """What ``module:name`` names in the application. Raises ConfigurationError, about ``what``."""
    module, _, attribute = name.partition(":")
    try:
        return attrgetter(attribute)(import_module(module))
    except ConfigurationError:
        raise  # it says what is missing
    except AttributeError:
        raise ConfigurationError(f"{what}: {module} has no function {attribute!r}") from None
    except Exception as error:  # noqa: BLE001 - somebody else's code
        cause = type(error).__name__
        if isinstance(error, ModuleNotFoundError):
            cause = f"there is no module {error.name!r}"
        raise ConfigurationError(f"{what}: {module} cannot be imported: {cause}") from None


class ConsentSource:
    """Asks the function from any number of threads, ``most`` at a time."""

    def __init__(self, name: str, *, seconds: float, most: int) -> None:
        self._load = partial(load, name)
        self._seconds = seconds
        self._most = most
        self._places = threading.BoundedSemaphore(most)

    def ask(self, people: Sequence[Person], read: Read) -> Answer:
        """What ``read`` makes of the function's answer, in the same thread.

        Raises NoAnswer if function or answer raises, or both take longer than allowed.
        """
        if not self._places.acquire(timeout=_TURN):
            raise NoAnswer(f"{self._most} calls of it are still under way")
        call = _Call(self._load, people, read, self._places.release)
        try:
            threading.Thread(target=call.run, name="consents", daemon=True).start()
        except RuntimeError:  # the limit of the system or of its container
            self._places.release()
            raise NoAnswer("no thread can be started for it") from None
        if not call.ended.wait(self._seconds):
            raise NoAnswer(f"it did not answer within {self._seconds:g} s")
        if call.answer is None:
            raise NoAnswer(call.failure)
        return call.answer


class _Call:
    """One call in a thread. Its place is free again when it ends, and not when nobody waits."""

    def __init__(
        self,
        load: Callable[[], Function],
        people: Sequence[Person],
        read: Read,
        release: Callable[[], None],
    ) -> None:
        self._load, self._people, self._read, self._release = load, people, read, release
        self.ended = threading.Event()
        self.answer: Answer | None = None
        self.failure = ""

    def run(self) -> None:
        """Call it, and note what came of it."""
        who = "it"
        try:
            with surroundings.enter():
                answer = self._load()(self._people)
                # objects of the application's own may be slow, or raise, when they are read
                who = "its answer"
                self.answer = self._read(answer)
        except ConfigurationError as error:
            self.failure = str(error)
        except BaseException as error:  # noqa: BLE001 - somebody else's code
            # without its message, which may contain a number
            self.failure = f"{who} raised {type(error).__name__}"
        finally:
            self._release()
            self.ended.set()

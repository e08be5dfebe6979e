"""The dispatcher in a Django project.

``INSTALLED_APPS += ["dispatcher.contrib.django"]``, a setting ``DISPATCHER = {…}``, and then
``from dispatcher.contrib.django import dispatcher``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django.utils.functional import LazyObject, empty

if TYPE_CHECKING:
    from dispatcher.contrib.django.django_dispatcher import DjangoDispatcher

    _Base = LazyObject[DjangoDispatcher]
else:
    _Base = LazyObject

__all__ = ["dispatcher"]


class _Lazy(_Base):
    """Reads the settings at its first use: importing it is always safe."""

    def _setup(self) -> None:
        # here, not above: a project starts without loading SQLAlchemy and Celery
        from dispatcher.contrib.django.django_dispatcher import DjangoDispatcher

        self._wrapped = DjangoDispatcher.of_project()

    def __getattr__(self, name: str) -> Any:
        """An attribute of the dispatcher: of one made for tests if a test runner is at work."""
        if self._wrapped is not empty:
            from dispatcher.contrib.django import under_test

            if self._wrapped.in_test is not under_test.running():
                self.forget()
        return super().__getattr__(name)

    def forget(self) -> None:
        """Read the settings anew at the next use: a test has changed them."""
        self._wrapped = empty  # type: ignore[assignment]


lazy = _Lazy()
#: the project's dispatcher; connects to nothing until it is used
dispatcher = cast("DjangoDispatcher", lazy)

"""Django's page of an error shows no secret of ours and no number, whatever the frames hold."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.test import RequestFactory
from django.views.debug import ExceptionReporter, SafeExceptionReporterFilter

from tests import django_project

SECRETS = ("k3y-of-the-gateway", "p@ss/w:rd", "p%40ss%2Fw%3Ard", "signing-secret-1")
NUMBER = "06 39 98 00 01"
#: by name: the page quotes the lines of a view
BROKER = f"redis://:{SECRETS[2]}@redis.example/0"


def page(*, debug: bool) -> str:
    """The page of an error in a view whose local variables hold everything."""
    request = RequestFactory().post("/", {"phone": NUMBER}, HTTP_X_URL=BROKER)
    plain = {"url": BROKER, "password": SECRETS[1], "words": [f"key {SECRETS[0]}", NUMBER]}
    try:
        raise RuntimeError(f"of {len(plain)}")  # noqa: TRY301 - the frame is what is looked at
    except RuntimeError as error:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(settings, "DEBUG", debug)
            reporter = ExceptionReporter(request, type(error), error, error.__traceback__)
            return reporter.get_traceback_html() + reporter.get_traceback_text()


@pytest.mark.parametrize("debug", [True, False], ids=["page", "mail"])
def test_error_page_shows_neither_secrets_nor_numbers(sqlite_shop: str, *, debug: bool) -> None:
    with django_project.said(
        API_KEY=SECRETS[0],
        BROKER_URL=BROKER,
        CALLBACK_URL="https://shop.example/sms",
        CALLBACK_SECRET=SECRETS[3],
    ):
        shown = page(debug=debug)

    assert "redis.example" in shown
    for secret in (*SECRETS, NUMBER, "06+39"):
        assert secret not in shown
    assert "RuntimeError" in shown


def test_filter_of_the_project_stays(sqlite_shop: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from dispatcher.contrib.django import reporter

    own = "shop.filters.Own"
    monkeypatch.setattr(settings, "DEFAULT_EXCEPTION_REPORTER_FILTER", own)

    reporter.install()

    assert own == settings.DEFAULT_EXCEPTION_REPORTER_FILTER
    assert issubclass(reporter.ReporterFilter, SafeExceptionReporterFilter)

"""The gateway's webhooks at an address of the project's.

``path("sms/", include("dispatcher.contrib.django.webhooks"))`` in ``urls.py``, and then
``DISPATCHER = {"WEBHOOK_URL": "https://shop.example/sms", …}``. The gateway has no CSRF token: the
secret in the path is what lets it in.
"""

from __future__ import annotations

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.urls import re_path
from django.views.decorators.csrf import csrf_exempt

from dispatcher.api.webhooks import Webhooks
from dispatcher.contrib.django import dispatcher


# with ATOMIC_REQUESTS the gateway would be answered before the commit
@transaction.non_atomic_requests
@csrf_exempt
def take(request: HttpRequest, path: str) -> HttpResponse:
    """Take one call; see ``dispatcher.Webhooks``. Raises ConfigurationError without a secret."""
    answer = Webhooks(dispatcher).answer(
        request.method or "",
        f"/{path}",
        request.META.get("QUERY_STRING", ""),
        body=request,
        length=request.META.get("CONTENT_LENGTH") or None,
        ends=True,
    )
    response = HttpResponse(answer.body, status=answer.status, headers=dict(answer.headers))
    # Django logs the path of whatever is refused, and the path is a secret
    response._has_been_logged = True  # type: ignore[attr-defined]
    return response


urlpatterns = [re_path(r"^(?P<path>.*)$", take)]

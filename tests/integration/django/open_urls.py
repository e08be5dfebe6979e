"""A view that anybody may call: the project forgot the login."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import path

from dispatcher.contrib.django import dispatcher


def launch(request: HttpRequest) -> HttpResponse:
    dispatcher.submit("soldes", "Soldes !", ["+33639980001"], by=request.GET.get("by"))
    return HttpResponse("done")


def later(request: HttpRequest) -> HttpResponse:
    dispatcher.submit_on_commit("soldes", "Soldes !", ["+33639980001"], by=request.GET.get("by"))
    return HttpResponse("done")


urlpatterns = [path("launch/", launch), path("later/", later)]

"""The addresses of the console on its own: the pages are at the root."""

from django.urls import include, path

urlpatterns = [path("", include("dispatcher.contrib.django.console.urls"))]

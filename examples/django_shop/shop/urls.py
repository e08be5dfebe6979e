"""Where the pages are."""

from django.contrib import admin
from django.urls import include, path

from shop.views import follow, launch

urlpatterns = [
    path("", launch, name="launch"),
    path("campaigns/<reference>/", follow, name="follow"),
    path("admin/", admin.site.urls),
    path("sms/", include("dispatcher.contrib.django.console.urls")),
]

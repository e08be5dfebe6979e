"""The console: pages on which a person runs campaigns, in French and English.

``INSTALLED_APPS += ["dispatcher.contrib.django", "dispatcher.contrib.django.console"]`` and
``path("sms/", include("dispatcher.contrib.django.console.urls"))``.
"""

"""Customers."""

from django.db import models


class Customer(models.Model):
    """Somebody who bought something, and may have consented to be texted."""

    first_name = models.CharField(max_length=60)
    mobile = models.CharField(max_length=30)
    consented = models.BooleanField(default=False)

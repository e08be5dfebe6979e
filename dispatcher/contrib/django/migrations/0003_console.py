"""Permissions for the pages of the console."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("dispatcher", "0002_full_numbers")]

    operations = [
        migrations.AlterModelOptions(
            name="Campaign",
            options={
                "managed": False,
                "default_permissions": ("view",),
                "permissions": (
                    ("pause_campaign", "Can pause a campaign"),
                    ("resume_campaign", "Can resume a campaign"),
                    ("cancel_campaign", "Can cancel a campaign"),
                    ("write_campaign", "Can write and submit a campaign"),
                    ("approve_campaign", "Can approve a campaign"),
                    ("send_test", "Can send a test to the testers"),
                    ("manage_testers", "Can add and remove testers"),
                    ("take_results", "Can download results"),
                    ("read_replies", "Can read replies"),
                    ("see_installation", "Can see settings, checks and the record of actions"),
                ),
            },
        ),
        migrations.AlterModelOptions(
            name="OptOut",
            options={
                "verbose_name": "opt-out",
                "permissions": (
                    ("show_full_numbers", "Can see phone numbers in full"),
                    ("take_back_optout", "Can take an opt-out back after a new consent"),
                ),
                "managed": False,
                "default_permissions": ("view", "add"),
            },
        ),
    ]

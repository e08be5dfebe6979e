"""The permission to set budgets, also for the role *operates* of an installation that has it."""

from typing import Any

from django.db import migrations

_CODENAME, _NAME = "set_budget", "Can set and remove budgets of tags"
_ROLE = "SMS: operates"


def forwards(apps: Any, schema_editor: Any) -> None:
    """Give it to the role; a new installation makes its roles later, with it."""
    connection = schema_editor.connection
    tables = {"auth_permission", "auth_group", "django_content_type"}
    if not tables.issubset(connection.introspection.table_names()):
        return
    try:
        permissions = apps.get_model("auth", "Permission").objects.using(connection.alias)
        groups = apps.get_model("auth", "Group").objects.using(connection.alias)
        kinds = apps.get_model("contenttypes", "ContentType").objects.using(connection.alias)
    except LookupError:
        return
    kind = kinds.filter(app_label="dispatcher", model="campaign").first()
    group = groups.filter(name=_ROLE).first()
    if kind is None or group is None:
        return
    named = {"content_type_id": kind.pk, "codename": _CODENAME}
    group.permissions.add(permissions.get_or_create(**named, defaults={"name": _NAME})[0])


class Migration(migrations.Migration):
    dependencies = [("dispatcher", "0003_console")]

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
                    (_CODENAME, _NAME),
                ),
            },
        ),
        migrations.RunPython(forwards, migrations.RunPython.noop, elidable=True),
    ]

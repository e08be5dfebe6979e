"""Rename the permission to see numbers in full: "all view permissions" must not include it."""

from typing import Any

from django.db import migrations

_OLD, _NEW = "view_full_numbers", "show_full_numbers"


def _rename(apps: Any, schema_editor: Any, old: str, new: str) -> None:
    # a project without django.contrib.auth has no permissions, and a new one has none yet
    connection = schema_editor.connection
    if "auth_permission" not in connection.introspection.table_names():
        return
    try:
        permissions = apps.get_model("auth", "Permission").objects.using(connection.alias)
    except LookupError:
        return
    ours = permissions.filter(content_type__app_label="dispatcher")
    if ours.filter(codename=old).exists():
        # made after a migration of another app, and nobody's yet
        ours.filter(codename=new).delete()
        ours.filter(codename=old).update(codename=new)


def forwards(apps: Any, schema_editor: Any) -> None:
    """Rename it for whoever has it."""
    _rename(apps, schema_editor, _OLD, _NEW)


def backwards(apps: Any, schema_editor: Any) -> None:
    """Rename it back."""
    _rename(apps, schema_editor, _NEW, _OLD)


class Migration(migrations.Migration):
    dependencies = [("dispatcher", "0001_initial")]

    operations = [
        migrations.AlterModelOptions(
            name="OptOut",
            options={
                "verbose_name": "opt-out",
                "permissions": ((_NEW, "Can see phone numbers in full"),),
                "managed": False,
                "default_permissions": ("view", "add"),
            },
        ),
        migrations.RunPython(forwards, backwards, elidable=True),
    ]

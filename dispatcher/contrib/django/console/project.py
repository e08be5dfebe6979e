"""A ready Django project around the console, for installations that have none."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Any, Final

from sqlalchemy import make_url

from dispatcher.settings import Settings

#: failed logins of one name from one address before it has to wait, and hours of the wait
_FAILURES, _WAIT = 5, 0.25
_DJANGO: Final = "django.contrib."


def configure(settings: Settings, *, hosts: list[str]) -> None:
    """Set Django up on the dispatcher's own database, once in this process.

    ``hosts`` are the names under which a proxy with TLS serves it; cookies are then for TLS alone.
    """
    import django
    from django.conf import settings as project

    url = settings.database_url.get_secret_value()
    if not project.configured:
        project.configure(
            SECRET_KEY=_secret(settings),
            ALLOWED_HOSTS=["127.0.0.1", "localhost", "[::1]", *hosts],
            CSRF_TRUSTED_ORIGINS=[f"https://{host}" for host in hosts],
            SESSION_COOKIE_SECURE=bool(hosts),
            CSRF_COOKIE_SECURE=bool(hosts),
            DATABASES={"default": database(url)},
            **_SETTINGS,
        )
    django.setup()


def database(url: str) -> dict[str, Any]:
    """One of Django's DATABASES, from the dispatcher's SQLAlchemy URL."""
    from django import VERSION

    parts = make_url(url)
    if parts.get_backend_name() == "sqlite":
        # workers write to the same file: SQLite refuses at once a transaction that read before
        # another one wrote, so each waits for its turn before it reads
        begins = {"transaction_mode": "IMMEDIATE"} if VERSION >= (5, 1) else {}
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": str(Path(parts.database or "dispatcher.db").absolute()),
            "OPTIONS": {"timeout": 30, **begins},
        }
    options = {key: str(value) for key, value in parts.query.items() if key not in {"host", "port"}}
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.database or "",
        "USER": parts.username or "",
        "PASSWORD": parts.password or "",
        "HOST": parts.host or str(parts.query.get("host", "")),
        "PORT": str(parts.port or parts.query.get("port", "")),
        "OPTIONS": options,
        "CONN_MAX_AGE": 60,
    }


def _secret(settings: Settings) -> str:
    """The key that signs sessions: of the settings, or of a file beside SQLite's.

    Without either it is made anew for each process, so that a restart signs everybody out.
    """
    if settings.console_key is not None:
        return settings.console_key.get_secret_value()
    parts = make_url(settings.database_url.get_secret_value())
    if parts.get_backend_name() != "sqlite" or not parts.database:
        return secrets.token_urlsafe(50)
    path = Path(f"{Path(parts.database).absolute()}.console-key")
    try:
        made = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text(encoding="ascii").strip()
    with os.fdopen(made, "w", encoding="ascii") as stream:
        key = secrets.token_urlsafe(50)
        stream.write(key)
    return key


_SETTINGS: Final[dict[str, Any]] = {
    "DEBUG": False,
    "INSTALLED_APPS": [
        *(
            f"{_DJANGO}{name}"
            for name in ("auth", "contenttypes", "messages", "sessions", "staticfiles")
        ),
        "axes",
        "dispatcher.contrib.django",
        "dispatcher.contrib.django.console",
    ],
    "MIDDLEWARE": [
        "django.middleware.security.SecurityMiddleware",
        "whitenoise.middleware.WhiteNoiseMiddleware",
        f"{_DJANGO}sessions.middleware.SessionMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        f"{_DJANGO}auth.middleware.AuthenticationMiddleware",
        f"{_DJANGO}messages.middleware.MessageMiddleware",
        "axes.middleware.AxesMiddleware",
    ],
    "TEMPLATES": [
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "APP_DIRS": True,
            "OPTIONS": {
                "context_processors": [
                    "django.template.context_processors.request",
                    f"{_DJANGO}auth.context_processors.auth",
                    f"{_DJANGO}messages.context_processors.messages",
                ]
            },
        }
    ],
    "ROOT_URLCONF": "dispatcher.contrib.django.console.project_urls",
    "AUTHENTICATION_BACKENDS": [
        "axes.backends.AxesStandaloneBackend",
        f"{_DJANGO}auth.backends.ModelBackend",
    ],
    "AUTH_PASSWORD_VALIDATORS": [
        {"NAME": f"{_DJANGO}auth.password_validation.{name}", "OPTIONS": options}
        for name, options in (
            ("UserAttributeSimilarityValidator", {}),
            ("MinimumLengthValidator", {"min_length": 12}),
            ("CommonPasswordValidator", {}),
            ("NumericPasswordValidator", {}),
        )
    ],
    "AXES_FAILURE_LIMIT": _FAILURES,
    "AXES_COOLOFF_TIME": _WAIT,
    "AXES_LOCKOUT_PARAMETERS": [["username", "ip_address"]],
    "AXES_RESET_ON_SUCCESS": True,
    "AXES_LOCKOUT_CALLABLE": "dispatcher.contrib.django.console.views.signing_in.locked",
    "AXES_VERBOSE": False,
    "STATIC_URL": "/static/",
    "WHITENOISE_USE_FINDERS": True,
    "USE_TZ": True,
    "USE_I18N": True,
    "TIME_ZONE": "Europe/Paris",
    "LANGUAGE_CODE": "fr",
    "LANGUAGES": [("fr", "Français"), ("en", "English")],
    "DEFAULT_AUTO_FIELD": "django.db.models.BigAutoField",
    "SESSION_COOKIE_HTTPONLY": True,
    "SESSION_COOKIE_SAMESITE": "Lax",
    "SESSION_COOKIE_AGE": 12 * 3600,
    "FILE_UPLOAD_PERMISSIONS": 0o600,
    # a list of people is pasted as text
    "DATA_UPLOAD_MAX_MEMORY_SIZE": 8 * 1024 * 1024,
    "LOGIN_URL": "console:login",
}

"""The one cure of each failure, found by the sentence that tells it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

_DATABASE, _BROKER = "DISPATCHER_DATABASE_URL", "DISPATCHER_BROKER_URL"
_MIGRATED = "dispatcher migrate"
#: words of a failure -> what to do; the first that is found counts
_DATABASES: Final = (
    (
        "does not exist: nothing|has no tables",
        f"{_MIGRATED}; if another is meant, correct {_DATABASE}",
    ),
    (r"its folder (\S.*) does not exist", rf"make the folder \1; or correct {_DATABASE}"),
    (r": ((set|reset|connect) .*)", r"\1"),
    (r"run (dispatcher|manage\.py) migrate", r"\1 migrate"),
    ("of another application", f"rename it there, or name another database in {_DATABASE}"),
    ("of a later version", "upgrade the dispatcher here to the version that migrated it"),
    ("restored or copied", f"{_MIGRATED} --restored, which pauses all and says what next"),
    ("needs a driver", "pip install 'sms-campaign-dispatcher[postgres]'"),
    (
        "password authentication|no password supplied|role .* does not exist|no pg_hba",
        f"correct user and password in {_DATABASE}",
    ),
    ("database .* does not exist", f"create it, then {_MIGRATED}; or correct {_DATABASE}"),
    ("too many (clients|connections)|connection slots", "raise max_connections, or use PgBouncer"),
    ("starting up|shutting down|in recovery", "wait until it has started"),
    ("disk is full|[Nn]o space left|could not extend", "free space on its disk"),
    ("readonly database|read-only file", "let this user write the file and its folder"),
    ("unable to open", f"make its folder, which this user may write; or correct {_DATABASE}"),
    ("is locked|lock timeout|lock_timeout", "end the process that holds it, such as a backup"),
    ("not a database|malformed|corrupt", "restore its backup, then dispatcher migrate --restored"),
    ("permission denied", "grant this role its rights: docs/operations.md"),
    ("certificate|SSL", f"correct sslmode and sslrootcert in {_DATABASE}"),
    ("connections? to the database is busy", "stop what holds connections in this process"),
)
_BROKERS: Final = (
    ("wrong or missing: Sentinel", "set DISPATCHER_BROKER_SENTINEL_PASSWORD to the Sentinels' own"),
    ("Sentinel knows no", "set DISPATCHER_BROKER_MASTER to the name in sentinel.conf"),
    ("named no other yet", "start the master or a replica of it; Sentinels then name one"),
    ("no Sentinel answers|is no Sentinel", f"start the Sentinels, or correct {_BROKER}"),
    ("wrong or missing password", f"correct the password in {_BROKER}"),
    ("refuses the user", f"correct user, password and virtual host in {_BROKER}"),
    ("user may not", "grant this user its rights: docs/operations.md"),
    ("database .* does not exist there", f"name a database that it has in {_BROKER}"),
    ("read-only replica", f"name the primary in {_BROKER}"),
    ("evicts keys", "redis-cli config set maxmemory-policy noeviction, and in redis.conf"),
    ("older than", "upgrade Redis"),
    ("the key .* is a", f"delete that key, or name another database in {_BROKER}"),
    ("maxmemory", "raise maxmemory, or delete what fills it"),
    ("MISCONF", 'free or repair its disk, or set save ""'),
    ("memory and disk alarms", "free its memory or disk: rabbitmqctl status shows the alarm"),
    ("certificate", "set DISPATCHER_BROKER_CA to the file of the CA that signed it"),
    ("write redis://", f"write redis:// in {_BROKER}"),
    ("needs rediss://", f"write rediss:// in {_BROKER}"),
    ("is no Redis", f"correct host and port in {_BROKER}"),
    ("", f"start it, or correct {_BROKER}"),
)
_GATEWAYS: Final = (
    ("is not set", "set {key}"),
    (r"code \d+|HTTP 40[13]", "correct {key}"),
    (
        r"HTTP (429|5\d\d)|too long",
        "wait: the gateway is out of order, and all is asked again by itself",
    ),
    ("HTTP", "correct DISPATCHER_API_URL"),
    ("", "repair this host's network or DNS; if it is well, correct DISPATCHER_API_URL"),
)
_START_DATABASE: Final = f"start it, or correct {_DATABASE}"


def of_database(says: str, setting: str = _DATABASE) -> str:
    """The cure of a failure of the database, which ``setting`` names."""
    return _first(says, (*_DATABASES, ("", _START_DATABASE))).replace(_DATABASE, setting)


def of_broker(says: str) -> str:
    """The cure of a failure of Redis or RabbitMQ."""
    return _first(says, _BROKERS)


def of_gateway(says: str, key: str) -> str:
    """The cure of a failure of the gateway; ``key`` is the variable of the account's key."""
    return _first(says, _GATEWAYS).format(key=key)


def _first(says: str, cures: Sequence[tuple[str, str]]) -> str:
    for words, cure in cures:
        if found := re.search(words, says):
            return found.expand(cure) if found.groups() and "\\" in cure else cure
    raise AssertionError("the last entry fits every sentence")

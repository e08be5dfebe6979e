"""``dispatcher tick``, ``migrate`` and ``settings``: for operators."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click

from dispatcher.campaigns.wording import counted
from dispatcher.cli.options import current_settings, json_option, open_dispatcher
from dispatcher.cli.output import out, print_json, say, table_without_lines

if TYPE_CHECKING:
    from dispatcher.api import Dispatcher
    from dispatcher.campaigns.restored import Restored
    from dispatcher.dispatch.steps import Due

_HIDDEN = "********"


@click.command()
@click.option("--inline", is_flag=True, help="Do all due work in this process, without Redis.")
def tick(*, inline: bool) -> None:
    """Do what is due by time, send hints to workers, and show what is due."""
    dispatcher = open_dispatcher()
    dispatcher.prepare()
    if inline:
        _work(dispatcher)
    else:
        say(_summary(dispatcher.tick()))


def _work(dispatcher: Dispatcher) -> None:
    """Send, poll and settle until nothing is due; a batch is tried once."""
    steps = dispatcher.steps
    due = steps.tick()
    say(_summary(due))
    for account, account_due in due.by_account.items():
        if account_due.stop_list:
            steps.sync_opt_outs(account)
    unread = [account for account, account_due in due.by_account.items() if account_due.credit]
    if sum(map(dispatcher.check_credit, unread)):
        due = steps.tick()
    tried: set[int] = set()
    sent = ended = 0
    while True:
        new = [batch_id for batch_id in due.send if batch_id not in tried]
        if not (new or due.settle or due.polls or due.recall):
            break
        tried.update(new)
        sent += sum(steps.send_batch(batch_id) for batch_id in new)
        for batch_id in due.settle:
            steps.settle_batch(batch_id)
        for account, account_due in due.by_account.items():
            if account_due.recall:
                steps.recall(account)
            ended += sum(steps.poll(account) for _ in range(account_due.polls))
        due = steps.tick()
    if due.events:
        steps.deliver_events()
    if due.prune:
        steps.prune()
    say(f"sent {counted(sent, 'batch', 'batches')}, {counted(ended, 'message')} ended")


def _summary(due: Due) -> str:
    if not (due.send or due.settle or due.polls or due.recall):
        return "nothing is due"
    back = ", some to have back from the gateway" if due.recall else ""
    return (
        f"due: {counted(len(due.send), 'batch', 'batches')} to send,"
        f" {len(due.settle)} to settle, {counted(due.polls, 'poll')}{back}"
    )


@click.command()
@click.option(
    "--restored",
    is_flag=True,
    help="After a restore: pause everything, and let workers use this database.",
)
def migrate(*, restored: bool) -> None:
    """Bring the database to the schema of this version."""
    dispatcher = open_dispatcher()
    if restored:
        _say_what_next(dispatcher.accept_restored())
        return
    dispatcher.migrate()
    say("the database has the schema of this version")
    if objection := dispatcher.objection():
        say(objection)


def _say_what_next(found: Restored) -> None:
    """What to look up after a restore, before anything may leave again."""
    since = "the backup" if found.since is None else f"{found.since:%Y-%m-%d %H:%M} UTC"
    say("Everything is paused; workers accept this database. Next:")
    say("1. dispatcher opt-outs sync; import again your own opt-outs since the backup.")
    say(
        f"2. Look up at the gateway what it sent since {since}, for each campaign that is not over:"
    )
    for reference, to_go in found.unfinished.items():
        say(f"   {reference}: {counted(to_go, 'message')} to go in the backup")
    if not found.unfinished:
        say("   none is in the backup; what was submitted later is lost with it")
    say("3. dispatcher cancel REF what left after the backup; if you cannot tell, cancel it, too.")
    say("4. dispatcher resume --all")


@click.command()
@json_option
def settings(*, as_json: bool) -> None:
    """Show every setting as it is in effect here; secrets are masked."""
    from dispatcher.settings import PREFIX, Settings
    from dispatcher.settings.environment import account_values, as_variable

    effective = current_settings()
    shown = effective.model_dump(mode="json") | {"accounts": ",".join(effective.accounts)}
    own = account_values(effective)
    values = {name: _hidden(name, getattr(effective, name)) or shown[name] for name in shown}
    values |= {name: _hidden(name, value) or value for name, value in own.items()}
    if as_json:
        print_json(
            {
                f"{PREFIX}{name.upper()}": as_variable(value) if name in own else value
                for name, value in values.items()
            }
        )
        return
    table = table_without_lines()
    table.add_column("variable", no_wrap=True)
    table.add_column("value", overflow="fold")
    table.add_column("", overflow="fold")
    for name, value in values.items():
        field = Settings.model_fields.get(name)
        table.add_row(
            f"{PREFIX}{name.upper()}",
            as_variable(value) or "not set",
            (field and field.description) or "",
            style="bold" if name in own or name in effective.model_fields_set else "",
        )
    out().print(table)


def _hidden(name: str, value: Any) -> str | None:
    """A secret as it is shown, masked; None if the value is not a secret."""
    from pydantic import SecretStr

    if isinstance(value, SecretStr):
        return _masked(value.get_secret_value()) if name.endswith("_url") else _HIDDEN
    return None


def _masked(url: str) -> str:
    """A URL without its password and its query, which may hold a password, too."""
    try:
        parts = urlsplit(url)
        user, at, place = parts.netloc.rpartition("@")
    except ValueError:
        return _HIDDEN
    if not parts.scheme:
        return _HIDDEN
    user = f"{user.partition(':')[0]}:{_HIDDEN}" if ":" in user else user
    tail = "?…" if parts.query else ""
    return f"{parts.scheme}://{user}{at}{place}{parts.path}{tail}"

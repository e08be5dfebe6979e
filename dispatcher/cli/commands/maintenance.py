"""``dispatcher tick``, ``migrate`` and ``settings``: for operators."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dispatcher.campaigns.wording import counted
from dispatcher.cli.options import current_settings, json_option, open_dispatcher
from dispatcher.cli.output import out, print_json, reader, say, table_without_lines

if TYPE_CHECKING:
    from dispatcher.api import Dispatcher
    from dispatcher.campaigns.restored import Restored
    from dispatcher.dispatch.steps import Due


@click.command()
@click.option("--inline", is_flag=True, help="Do all due work in this process, without Redis.")
def tick(*, inline: bool) -> None:
    """Do what is due by time, send hints to workers, and show what is due."""
    dispatcher = open_dispatcher(needs_tables=False)
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
    if due.series and dispatcher.make_occurrences():
        due = steps.tick()
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
    dispatcher = open_dispatcher(needs_tables=restored)
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
    say("   dispatcher person replay FILE does erasures since the backup again.")
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
    from dispatcher.settings.environment import as_variable
    from dispatcher.settings.shown import description_of, shown

    effective = current_settings()
    values = shown(effective)
    if as_json:
        print_json(values)
        return
    words, table = reader(), table_without_lines()
    table.add_column(words.word("heading", "variable"), no_wrap=True)
    table.add_column(words.word("heading", "value"), overflow="fold")
    table.add_column("", overflow="fold")
    for variable, value in values.items():
        name = variable.removeprefix(PREFIX).lower()
        field = Settings.model_fields.get(name)
        own = field is None or name in effective.model_fields_set
        table.add_row(
            variable,
            as_variable(value) or words.say("not set"),
            words.say(description_of(variable)),
            style="bold" if own else "",
        )
    out().print(table)

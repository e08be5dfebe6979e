"""dramatiq: a message per chunk of 500, rows in the message; nothing is stored."""

from __future__ import annotations

import dramatiq
from dramatiq.brokers.redis import RedisBroker

from benchmarks.contenders import runner
from benchmarks.contenders.posting import post_rows
from benchmarks.people import chunks


def main() -> None:
    """The runner: fills the queue if it is given people, and empties it on a signal."""
    options = runner.parse_options()
    broker = RedisBroker(url=options.broker)
    dramatiq.set_broker(broker)
    actor = dramatiq.actor(
        lambda rows: post_rows(options.url, rows) and None, actor_name="send_chunk", broker=broker
    )
    for chunk in chunks(options.count):
        actor.send(chunk)
    worker = dramatiq.Worker(broker, worker_threads=options.threads)
    runner.wait_for_the_word()
    worker.start()
    runner.wait_for_the_word()


if __name__ == "__main__":
    main()

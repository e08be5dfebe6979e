"""huey: a task per chunk of 500, rows in the message; nothing is stored."""

from __future__ import annotations

from huey import RedisHuey

from benchmarks.contenders import runner
from benchmarks.contenders.posting import post_rows
from benchmarks.people import chunks


def main() -> None:
    """The runner: fills the queue if it is given people, and empties it on a signal."""
    options = runner.parse_options()
    huey = RedisHuey("bench", url=options.broker, results=False)
    send_chunk = huey.task(name="send_chunk")(lambda rows: post_rows(options.url, rows) and None)
    for chunk in chunks(options.count):
        send_chunk(chunk)
    consumer = huey.create_consumer(workers=options.threads, worker_type="thread", periodic=False)
    runner.wait_for_the_word()
    consumer.start()
    runner.wait_for_the_word()


if __name__ == "__main__":
    main()

"""The bare loop: threads that post prebuilt bodies and do nothing else."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack

from benchmarks.contenders import runner
from benchmarks.contenders.course import Course, Run, timed
from benchmarks.contenders.posting import session
from benchmarks.people import body, chunks
from benchmarks.processes import Meter, Process


class Loop:
    """Threads over prebuilt bodies; no queue, no store, no answer read."""

    name = "bare loop"
    what = "`requests`, prebuilt bodies, a session per thread; stores nothing, reads no answer"

    def recipients(self, course: Course) -> int:
        """All of them."""
        return course.recipients

    def run(self, course: Course) -> Run:
        """One process: more would share the same two cores with the gateway."""
        # without latency a second thread only waits for the first one's interpreter lock
        threads = course.connections if course.latency else 1
        options = runner.RunOptions(course.gateway.url, "", threads, 0, course.recipients)
        with ExitStack() as stack:
            process = stack.enter_context(
                Process(
                    "loop",
                    ["benchmarks.contenders.loop", *runner.arguments(options)],
                    course.directory,
                )
            )
            process.wait_to_say("ready\n")
            return timed(
                self.name,
                course.recipients,
                lambda: Meter({"client": [process.pid]}),
                lambda: process.tell("go"),
                lambda: process.wait_to_say("done\n"),
            )


def main() -> None:
    """The runner."""
    options = runner.parse_options()
    bodies = [
        body(rows, f"loop{number}")
        for number, rows in enumerate(chunks(options.count, options.start))
    ]
    queue = iter(bodies)
    lock = threading.Lock()
    address = f"{options.url}/bulk-send"

    def drain(queue: Iterator[bytes]) -> None:
        own = session()
        while True:
            with lock:
                content = next(queue, None)
            if content is None:
                return
            own.post(address, data=content, timeout=30).raise_for_status()

    threads = [threading.Thread(target=drain, args=(queue,)) for _ in range(options.threads)]
    runner.wait_for_the_word()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    runner.say("done")
    runner.wait_for_the_word()


if __name__ == "__main__":
    main()

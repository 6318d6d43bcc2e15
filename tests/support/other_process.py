"""Another Python process that uses a state: it runs a few lines, and waits where they read from stdin."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_HOLDER = """
import sys
from exporter.state.store import Store
store = Store.open({url!r}, lock_seconds={lock_seconds})
with store.database.leader_lock("tool") as leads:
    print(leads, flush=True)
    sys.stdin.readline()
    {then}
"""


@contextmanager
def another_leader(url: str, then: str = "pass", lock_seconds: float = 60) -> Iterator[subprocess.Popen[str]]:
    """A process that holds the leader lock of `tool` until it is killed, or gets a line and has run `then`."""
    code = _HOLDER.format(url=url, then=then, lock_seconds=lock_seconds)
    with another_process(code) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "True\n"
        yield process


@contextmanager
def another_process(code: str) -> Iterator[subprocess.Popen[str]]:
    """A process that runs Python code, with pipes as stdin and stdout; it is killed when the block ends."""
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()

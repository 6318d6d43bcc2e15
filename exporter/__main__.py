"""`adoption-exporter` and `python -m exporter`."""

import os
import signal
import sys

# These commands reload their configuration on SIGHUP.
_DAEMONS = ("run", "demo")
# Polars starts a thread for each processor, and a poll has nothing to do for more than these.
_TABLE_THREADS = 4


def main() -> None:
    """Runs the command line and exits."""
    if sys.argv[1:2] and sys.argv[1] in _DAEMONS:
        # SIGHUP kills a process without a handler, and the imports below take a while. Blocked, the signal stays
        # pending until the daemon unblocks it.
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGHUP])
    # Read when Polars is imported.
    os.environ.setdefault("POLARS_MAX_THREADS", str(min(_TABLE_THREADS, os.cpu_count() or 1)))
    from exporter import cli

    cli.main()


if __name__ == "__main__":
    main()

"""`adoption-exporter` and `python -m exporter`."""

import signal
import sys

# They read their configuration again at SIGHUP.
_DAEMONS = ("run", "demo")


def main() -> None:
    """Runs the command line and exits."""
    if sys.argv[1:2] and sys.argv[1] in _DAEMONS:
        # SIGHUP would kill until there is a handler, and what is imported below takes its time. Blocked, it waits in
        # the kernel until the daemon lets it in.
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGHUP])
    from exporter import cli

    cli.main()


if __name__ == "__main__":
    main()

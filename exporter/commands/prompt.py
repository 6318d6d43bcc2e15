"""Questions on the terminal."""

import signal
from typing import Any

import click


def prompt(words: str, **options: Any) -> str:
    """Asks on stderr. Ctrl-C and the end of the input raise click.Abort."""
    # polars' handler has a read that a signal interrupts begin anew (1.38), so that Ctrl-C would wait for Enter.
    signal.siginterrupt(signal.SIGINT, True)
    answer: str = click.prompt(words, err=True, **options)
    return answer

"""The command line, mostly within the test's own process: another would take a second to import what it needs."""

import io
import logging
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from unittest.mock import patch

from exporter.cli import main
from tests.support.daemons import PATIENCE


def cli(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs `adoption-exporter` to its end; an exception that it does not catch is the test's."""
    stdout, stderr = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
    code: object = None
    with (
        patch.object(sys, "argv", ["adoption-exporter", *arguments]),
        redirect_stdout(stdout),
        redirect_stderr(stderr),
        _logging_of_its_own(),
    ):
        try:
            main()
        except SystemExit as ended:
            code = ended.code
    assert isinstance(code, int)
    return subprocess.CompletedProcess(arguments, code, _text(stdout), _text(stderr))


def process(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs `adoption-exporter` as a process, which says on stderr what it leaves open."""
    command = [sys.executable, "-W", "always::ResourceWarning", "-m", "exporter", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)


@contextmanager
def _logging_of_its_own() -> Iterator[None]:
    """Keeps pytest's handlers from being closed by the command, and the command's from outliving it."""
    root = logging.getLogger()
    handlers, root.handlers = root.handlers, []
    loggers = [one for one in root.manager.loggerDict.values() if isinstance(one, logging.Logger)]
    levels = [one.level for one in loggers]
    raising = logging.raiseExceptions
    try:
        yield
    finally:
        root.handlers, logging.raiseExceptions = handlers, raising
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _text(stream: io.TextIOWrapper) -> str:
    stream.seek(0)
    return stream.read()

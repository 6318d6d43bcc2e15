"""Skips tests whose programs are not installed, and sets up what every test needs."""

import logging
import os
import signal
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.support import real_servers
from tests.support.stores import close_stores

# No example fails for being slow.
settings.register_profile("patient", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("long", settings.get_profile("patient"), max_examples=5000)
settings.register_profile("fast", settings.get_profile("patient"), max_examples=10)
settings.load_profile("patient")

# A shell starts background programs with SIGINT ignored, and the processes that tests interrupt would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One more than there are processors: a worker often waits for a process or a server that its test started."""
    return (os.cpu_count() or 1) + 1


@pytest.fixture(autouse=True)
def _stores_end_with_their_test() -> Iterator[None]:
    yield
    close_stores()


@pytest.fixture(autouse=True)
def _log_level_ends_with_its_test() -> Iterator[None]:
    """A command that runs within a test sets the level of the whole process."""
    root = logging.getLogger()
    level = root.level
    yield
    root.setLevel(level)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skips a test whose programs are not installed; fails it under CI, where no test may pass by being skipped."""
    programs = [program for marker in item.iter_markers("servers") for program in marker.args]
    missing = [program for program in programs if real_servers.installed(program) is None]
    if not missing:
        return
    reason = f"not installed: {', '.join(missing)} (see .ci/run)"
    if os.environ.get("CI"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)

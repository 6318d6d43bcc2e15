"""Whether the programs of `@pytest.mark.servers(...)` are there, and what every test may rely on."""

import os
import signal
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.support import real_servers
from tests.support.stores import close_stores

# No example is wrong because it took long.
settings.register_profile("patient", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

# Programs that a shell starts in the background ignore it, and so would those that the tests start and interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _stores_end_with_their_test() -> Iterator[None]:
    yield
    close_stores()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test whose programs are not installed here; under CI fail it, so that nothing passes by not running."""
    programs = [program for marker in item.iter_markers("servers") for program in marker.args]
    missing = [program for program in programs if real_servers.installed(program) is None]
    if not missing:
        return
    reason = f"not installed: {', '.join(missing)} (see .ci/run)"
    if os.environ.get("CI"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)

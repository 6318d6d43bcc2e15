"""How a poll failed, for tests that know that it did."""

from exporter.errors import Failure
from exporter.state.store import PollStatus


def failure_of(status: PollStatus | None) -> Failure:
    assert status is not None
    assert status.failure is not None
    return status.failure


def reason_and_message(status: PollStatus | None) -> tuple[str, str]:
    failure = failure_of(status)
    return failure.reason, failure.message

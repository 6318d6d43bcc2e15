import pytest

from exporter.otlp.response import CollectorResponse, ExportFailure, grpc_response, no_response


@pytest.mark.parametrize(
    ("response", "failure"),
    [
        (grpc_response("DEADLINE_EXCEEDED", "late"), ExportFailure("unreachable", "DEADLINE_EXCEEDED: late", True)),
        (grpc_response("UNAVAILABLE", "down"), ExportFailure("unreachable", "UNAVAILABLE: down")),
        (no_response(TimeoutError("timed out")), ExportFailure("unreachable", "TimeoutError timed out", True)),
        (no_response(ConnectionRefusedError("no")), ExportFailure("unreachable", "ConnectionRefusedError no")),
    ],
)
def test_a_failure_says_whether_it_is_that_time_ran_out(response: CollectorResponse, failure: ExportFailure) -> None:
    assert response == CollectorResponse(failure)


def test_what_failed_at_the_root_of_an_error_is_what_counts() -> None:
    error = OSError("read failed")
    error.__cause__ = TimeoutError("timed out")

    assert no_response(error) == CollectorResponse(ExportFailure("unreachable", "TimeoutError timed out", True))

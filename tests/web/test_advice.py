import itertools

from exporter.errors import REASONS, Failure
from exporter.web.advice import advice


def advised(reason: str, status: int | None) -> str:
    return advice(Failure(reason, "some words", status))


def test_there_is_something_to_do_about_every_failure() -> None:
    for reason, status in itertools.product(REASONS, [None, 301, 400, 401, 403, 404, 422, 429, 500, 503]):
        assert advised(reason, status).endswith((".", ")."))


def test_the_closest_row_counts() -> None:
    assert advised("rejected", 401).startswith("The token is wrong")
    assert advised("rejected", 302).startswith("The vendor has moved")
    assert advised("rejected", 422) == advised("rejected", None)
    assert advised("unreachable", 503).startswith("The vendor's server is out of order")
    assert advised("unreachable", None).startswith("Check the way from here")


def test_a_broken_state_sends_nobody_to_the_vendors_address() -> None:
    assert advice(Failure("unreachable", "the state cannot be used: disk full", of_state=True)) == (
        "Check state.url: does its server answer, or has its disk space left and is its file writable? Polls go on."
    )

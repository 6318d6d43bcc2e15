import itertools

from exporter.advice import advice
from exporter.errors import REASONS


def test_there_is_something_to_do_about_every_failure() -> None:
    for reason, status in itertools.product(REASONS, [None, 301, 400, 401, 403, 404, 422, 429, 500, 503]):
        assert advice(reason, status).endswith((".", ")."))


def test_the_closest_row_counts() -> None:
    assert advice("rejected", 401).startswith("The token is wrong")
    assert advice("rejected", 302).startswith("The vendor has moved")
    assert advice("rejected", 422) == advice("rejected", None)
    assert advice("unreachable", 503).startswith("The vendor's server is out of order")
    assert advice("unreachable", None).startswith("Check the way from here")

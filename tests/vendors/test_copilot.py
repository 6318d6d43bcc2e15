"""GitHub Copilot: recorded reports, seats and refusals become what counting them by hand gives."""

from datetime import date, timedelta
from pathlib import Path

from tests.support.github import ACME, GitHub, at, file, recorded

GOLDEN = Path(__file__).parents[1] / "golden" / "copilot.txt"
ODD_GOLDEN = Path(__file__).parents[1] / "golden" / "copilot-odd.txt"
NORMAL, ODD = date(2026, 4, 20), date(2026, 7, 1)


def normal() -> GitHub:
    """A day in two files with a repeated row, and six seats on two pages."""
    github = GitHub()
    github.put("users-1-day", NORMAL, *(file(f"users-1-day-normal-part-{number}.ndjson") for number in (1, 2)))
    github.pages[ACME] = [recorded("seats-page-1.json"), recorded("seats-page-2.json")]
    return github


def odd() -> GitHub:
    """A day with a row for each oddity."""
    github = GitHub()
    github.put("users-1-day", ODD, file("users-1-day-odd.ndjson"))
    return github


def test_a_recorded_day_gives_the_numbers_that_counting_it_by_hand_gives() -> None:
    bench = normal().polls(at(2026, 4, 23), seat_price={"amount": "19", "currency": "USD"})
    bench.poll()

    assert bench.poller().failed == {}
    assert bench.exposition() == GOLDEN.read_text()


def test_a_recorded_day_with_a_row_for_each_oddity_does_too() -> None:
    bench = odd().polls(at(2026, 7, 4))
    bench.poll()

    assert bench.poller().failed == {}
    assert bench.exposition() == ODD_GOLDEN.read_text()


def test_odd_rows_are_people_where_a_person_did_something() -> None:
    bench = odd().polls(at(2026, 7, 4))
    bench.poll()

    # Of fifteen, one is idle, one had only a review that the repository asked for, and one is a service account.
    assert bench.values("adoption_active_users") == {("acme", "1d"): 12}
    assert bench.values("adoption_active_service_accounts") == {("acme", "1d"): 1}
    assert bench.values("adoption_client_active_users") == {
        ("acme", "1d", "copilot_cli"): 3,
        ("acme", "1d", "vscode"): 1,
        ("acme", "1d", "vscode_agents_window"): 1,
    }
    assert bench.values("adoption_language_active_users") == {
        ("acme", "1d", "ts"): 1,
        ("acme", "1d", "typescript"): 1,
    }


def test_it_asks_for_a_report_and_its_files_and_then_for_the_seats() -> None:
    github = normal()
    github.polls(at(2026, 4, 23)).poll()

    assert github.asked == [
        "GET /orgs/acme/copilot/metrics/reports/users-1-day 2026-04-20",
        "file /orgs/acme/users-1-day/2026-04-20/part-0",
        "file /orgs/acme/users-1-day/2026-04-20/part-1",
        "GET /orgs/acme/copilot/billing/seats",
        "GET /orgs/acme/copilot/billing/seats 2",
    ]
    assert {request.headers.get("authorization") for request in github.requests[:1] + github.requests[3:]} == {
        "Bearer secret-token"
    }
    assert [request.headers.get("authorization") for request in github.requests[1:3]] == [None, None]
    assert github.requests[0].headers["x-github-api-version"] == "2026-03-10"


def test_a_day_is_not_asked_for_before_two_days_and_six_hours_after_its_end() -> None:
    github = normal()
    github.polls(at(2026, 4, 23, 5), history=timedelta(days=1)).poll()

    assert github.asked[0] == "GET /orgs/acme/copilot/metrics/reports/users-1-day 2026-04-19"

"""Sourcegraph Analytics: what a report says is what is published, however the server reads dates and writes cells."""

import tempfile
import threading
from collections.abc import Sequence
from contextlib import suppress
from datetime import date, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from sqlalchemy import func, select

from exporter.errors import Failure
from exporter.model import Amount, AmountKey
from exporter.state import schema
from exporter.state.accounts import AccountBook
from exporter.vendors.base import PollContext
from tests.support.failures import failure_of, reason_and_message
from tests.support.sample_options import known_names
from tests.support.sourcegraph_reports import (
    ACME,
    DAY,
    HEADERS,
    NOW,
    REGISTRY,
    REPORT,
    SAMPLE,
    SAMPLES,
    Server,
    report,
    row,
)
from tests.support.vendor_polls import VendorPolls

GOLDEN = (Path(__file__).parents[1] / "golden" / "sourcegraph.txt").read_text()
REGISTERED = (SAMPLES / "registry.csv").read_text()
OTHER = "sourcegraph.example.com"


def of_one_day(bench: VendorPolls, metric: str) -> dict[tuple[str, ...], float]:
    """The values of a metric in the window 1d, by its labels after the window."""
    return {labels[2:]: value for labels, value in bench.values(metric).items() if labels[1] == "1d"}


def without_idle_seats(exposition: str) -> list[str]:
    return [line for line in exposition.splitlines() if not line.startswith("adoption_seats_idle")]


def test_holders_of_seats_who_were_not_active_are_idle() -> None:
    bench = Server(registry=REGISTERED + "6,false,false\n").polls()
    bench.poll()

    assert bench.values("adoption_seats") == {(ACME,): 5.0}
    assert of_one_day(bench, "adoption_active_users") == {(): 2.0}
    assert of_one_day(bench, "adoption_seats_idle") == {(): 3.0}
    # Too few days are known to say who was never active.
    assert bench.values("adoption_seats_never_used") == {}


def test_the_numbers_of_configured_seats_name_no_holders() -> None:
    bench = Server(registry=REGISTERED).polls(seats=9)
    bench.poll()

    assert bench.values("adoption_seats") == {("all",): 9.0}
    assert bench.values("adoption_seats_idle") == {}


def test_the_sample_gives_the_numbers_that_counting_it_by_hand_gives() -> None:
    bench = Server(registry=REGISTERED).polls()
    bench.poll()

    assert bench.exposition() == GOLDEN


def test_a_report_is_asked_for_with_a_day_beyond_the_last_one_wanted() -> None:
    server = Server()
    server.polls().poll()

    assert server.asked == [
        (REGISTRY, {"instanceURL": ACME}),
        (
            REPORT,
            {
                "instanceURL": ACME,
                "granularity": "by_user_day_client_language",
                "startDate": "2026-11-18",
                "endDate": "2026-11-20",
            },
        ),
    ]


@pytest.mark.parametrize("shown", ["inclusive", "exclusive"])
def test_whether_the_end_date_is_inclusive_makes_no_difference(shown: str) -> None:
    header, *rows = SAMPLE.splitlines(keepends=True)

    def between(params: dict[str, str]) -> str:
        last = date.fromisoformat(params["endDate"]) - timedelta(days=shown == "exclusive")
        asked = [line for line in rows if params["startDate"] <= line.split(",")[5] <= last.isoformat()]
        return header + "".join(asked)

    bench = Server(between, REGISTERED).polls()
    bench.poll()

    assert bench.exposition() == GOLDEN


def test_sixty_days_take_a_few_requests_and_the_next_poll_one() -> None:
    server = Server(report())
    bench = server.polls(history=timedelta(days=60))
    bench.poll()

    assert server.reports_asked() == [("2026-10-20", "2026-11-20"), ("2026-09-21", "2026-10-20")]
    server.asked.clear()
    bench.poll()

    assert server.reports_asked() == [("2026-11-13", "2026-11-20")]


def test_stored_days_know_the_requests_that_they_took() -> None:
    server = Server(report())
    bench = server.polls(history=timedelta(days=60))
    bench.poll()
    taken = [day.requests for day in bench.store.days("tool", ACME).values()]

    assert (len(taken), sum(taken), len(server.asked)) == (60, 3, 3)


def test_counts_of_one_person_are_added_exactly_beyond_64_bits() -> None:
    bench = Server(report(row("1", Searches=2**63 - 1), row("1", Searches=2**63 - 1), row("1", Chat_Events=1))).polls()
    status = bench.poll()

    assert reason_and_message(status) == (
        "payload",
        f"{ACME}: sourcegraph report of {DAY}: the sum of usage|searches is {2**64 - 2}, beyond 2^63",
    )


def test_a_count_that_cannot_be_right_costs_its_day_alone() -> None:
    before, today = "2026-11-18", "2026-11-20"
    rows = [
        row("1", Searches=2, Timestamp_Date=before),
        row("2", Searches=-3),
        row("3", Searches="x", Timestamp_Date=today),
    ]
    server = Server(report(*rows))
    bench = server.polls()
    status = bench.poll()

    assert reason_and_message(status) == (
        "payload",
        f"{ACME}: sourcegraph GET {REPORT}: Searches in row 3 is the number -3, not a whole number from 0 to 2^63 - 1",
    )
    assert bench.store.days("tool", ACME).keys() == {date(2026, 11, 18)}
    assert of_one_day(bench, "adoption_usage")["searches",] == 2.0

    server.report = report(rows[0], row("2", Searches=2**63 - 1), row("3", Searches=1))
    status = bench.poll()

    assert reason_and_message(status) == (
        "payload",
        f"{ACME}: sourcegraph report of {DAY}: the sum of usage|searches is 9223372036854775808, beyond 2^63",
    )
    assert bench.store.days("tool", ACME).keys() == {date(2026, 11, 18)}


def test_a_flag_that_is_none_costs_its_day_alone() -> None:
    rows = [row("1", Timestamp_Date="2026-11-18"), row("2"), row("3", Active_Sourcegraph_User="perhaps")]
    bench = Server(report(*rows)).polls()
    status = bench.poll()

    assert reason_and_message(status) == (
        "payload",
        f"{ACME}: sourcegraph GET {REPORT}: Active Sourcegraph User in row 4 is text, not a flag such as true or false",
    )
    assert bench.store.days("tool", ACME).keys() == {date(2026, 11, 18)}


def test_one_person_on_many_rows_is_one_person_and_an_id_cast_to_float_is_the_same_id() -> None:
    rows = [row("12"), row("12.0", Client_Name="server.web", Language=""), row(" 12 ", Searches=3), row("13")]
    bench = Server(report(*rows)).polls()
    bench.poll()

    assert of_one_day(bench, "adoption_active_users") == {(): 2.0}
    assert of_one_day(bench, "adoption_client_active_users") == {("vscode.cody",): 2.0, ("server.web",): 1.0}
    assert of_one_day(bench, "adoption_language_active_users") == {("Go",): 2.0, ("unknown",): 1.0}
    assert of_one_day(bench, "adoption_activity_active_users") == {("searches",): 1.0}


def test_a_flag_on_any_row_of_the_day_makes_all_of_its_rows_count() -> None:
    rows = [
        row("1", Active_Sourcegraph_User="false", Client_Name="server.web", Searches=2, Language=""),
        row("1", Active_Sourcegraph_User="true"),
        row("2", Active_Sourcegraph_User="false", Searches=40),
    ]
    bench = Server(report(*rows)).polls()
    bench.poll()

    assert of_one_day(bench, "adoption_active_users") == {(): 1.0}
    assert of_one_day(bench, "adoption_client_active_users") == {("vscode.cody",): 1.0, ("server.web",): 1.0}
    assert of_one_day(bench, "adoption_activity_active_users") == {("searches",): 1.0}
    assert of_one_day(bench, "adoption_usage")[("searches",)] == 42.0


@pytest.mark.parametrize("blank", ["", "  "])
def test_rows_without_an_id_are_usage_and_nobody(blank: str) -> None:
    bench = Server(report(row(blank, Chat_Events=5), row("1"))).polls()
    bench.poll()

    assert of_one_day(bench, "adoption_active_users") == {(): 1.0}
    assert of_one_day(bench, "adoption_activity_active_users") == {}
    assert of_one_day(bench, "adoption_usage")[("chat_messages",)] == 5.0


def test_two_instances_share_ids_and_no_people() -> None:
    bench = Server(report(row("1"), row("2"))).polls(instances=[ACME, OTHER])
    bench.poll()
    with bench.store.database.read() as connection:
        accounts = connection.execute(select(func.count()).select_from(schema.account)).scalar_one()

    assert bench.values("adoption_active_users") == {(ACME, "1d"): 2.0, (OTHER, "1d"): 2.0}
    assert accounts == 4


def test_an_instance_that_cannot_be_read_leaves_the_other_alone() -> None:
    server = Server(
        lambda params: httpx.Response(404, text="not found") if params["instanceURL"] == ACME else report(row())
    )
    bench = server.polls(instances=[ACME, OTHER])
    status = bench.poll()

    assert status.success
    assert bench.poller().failed == {
        ACME: Failure(
            "rejected",
            f"sourcegraph GET {REPORT}: 404; is it in instances as Sourcegraph Analytics knows it, and may the token's "
            "owner see it there?",
            404,
        )
    }
    assert bench.values("adoption_active_users") == {(OTHER, "1d"): 1.0}


def test_by_user_day_gives_everything_but_clients_and_languages() -> None:
    server = Server(registry=REGISTERED)
    bench = server.polls(granularity="by_user_day")
    bench.poll()

    assert server.asked[1][1]["granularity"] == "by_user_day"
    assert bench.exposition().splitlines() == [
        line for line in GOLDEN.splitlines() if "adoption_client" not in line and "adoption_language" not in line
    ]


def test_columns_that_a_report_lacks_are_absent_and_touch_no_other() -> None:
    gone = ("Searches", "Total Characters Written", "Lines changed by chats and commands", "Client Name", "User Email")
    headers = [name for name in reversed(HEADERS) if name not in gone]
    lines = [dict(zip(HEADERS, line.split(","), strict=True)) for line in SAMPLE.splitlines()[1:]]
    bench = Server(report(*lines, headers=["Deep Searches", *headers]), REGISTERED).polls()
    bench.poll()
    whole = Server(registry=REGISTERED).polls()
    whole.poll()
    missing = set(whole.samples()) - set(bench.samples())

    assert set(bench.samples()) < set(whole.samples())
    assert {(sample.metric, sample.labels[3:]) for sample in missing if "client" not in sample.metric} == {
        ("adoption_activity_active_users", ("1d", "searches")),
        ("adoption_usage", ("1d", "searches")),
        ("adoption_language_usage", ("1d", "searches", "unknown")),
        ("adoption_code_characters", ("1d", "written")),
        ("adoption_code_lines", ("1d", "chats_and_commands")),
    }


def test_a_day_without_rows_is_zero_in_every_column_of_the_header() -> None:
    bench = Server(report(headers=HEADERS[:12]), REGISTERED).polls()
    status = bench.poll()

    assert status.success
    assert of_one_day(bench, "adoption_active_users") == {(): 0.0}
    assert of_one_day(bench, "adoption_active_service_accounts") == {(): 0.0}
    assert of_one_day(bench, "adoption_usage") == {
        (activity,): 0.0
        for activity in ("searches", "code_navigation", "code_insight_views", "chat_messages", "commands")
    }


def test_a_day_without_rows_waits_where_its_weekday_has_people() -> None:
    week_ago = (date.fromisoformat(DAY) - timedelta(days=7)).isoformat()
    bench = Server(report(row(Timestamp_Date=week_ago))).polls(history=timedelta(days=8))
    bench.poll()

    assert bench.values("adoption_data_day_timestamp_seconds") == {
        (ACME,): datetime.fromisoformat("2026-11-18T00:00:00Z").timestamp()
    }


def test_without_a_registry_nothing_is_said_of_service_accounts_and_seats() -> None:
    bench = Server().polls()
    bench.poll()

    assert of_one_day(bench, "adoption_active_users") == {(): 3.0}
    assert bench.values("adoption_active_service_accounts") == {}
    assert bench.values("adoption_seats") == {}


def test_an_account_stays_what_it_was_known_as_on_its_day() -> None:
    server = Server(registry=REGISTERED)
    bench = server.polls()
    bench.poll()
    server.registry = REGISTERED.replace("2,false", "2,true").replace("4,true", "4,false")
    bench.poll()

    # Seats are those of now: the one of somebody who is a service account now is idle in the hands of another.
    assert of_one_day(bench, "adoption_seats_idle") == {(): 3.0}
    assert without_idle_seats(bench.exposition()) == without_idle_seats(GOLDEN)


def test_a_registry_that_is_gone_turns_no_service_account_of_a_known_day_into_a_person() -> None:
    server = Server(registry=REGISTERED)
    bench = server.polls()
    bench.poll()
    known = bench.values("adoption_active_users"), bench.values("adoption_active_service_accounts")
    server.registry = httpx.Response(404)
    bench.poll()

    assert (bench.values("adoption_active_users"), bench.values("adoption_active_service_accounts")) == known


@pytest.mark.parametrize("count", [2**63 - 1, 2**53 + 1, 0])
def test_counts_are_stored_to_the_last_figure(count: int) -> None:
    bench = Server(report(row(Searches=count), row("2"))).polls()
    bench.poll()
    facts = bench.store.facts("tool", ACME, [date.fromisoformat(DAY)])[date.fromisoformat(DAY)]

    assert facts.amounts[AmountKey(Amount("usage", "searches"))] == count


@pytest.mark.parametrize(
    ("answer", "reason", "message"),
    [
        (
            httpx.Response(401, text="no"),
            "rejected",
            f"sourcegraph GET {REPORT}: 401, the token was refused; check token/token_file",
        ),
        (httpx.Response(429), "rate_limited", f"sourcegraph GET {REPORT}: 429 in 4 attempts"),
        (httpx.Response(503), "unreachable", f"sourcegraph GET {REPORT}: 503 in 4 attempts"),
        (
            "<!DOCTYPE html><title>Sign in</title>",
            "payload",
            f"sourcegraph GET {REPORT}: the body looks like an HTML page, not CSV",
        ),
    ],
)
def test_a_fault_leaves_the_old_values_and_the_next_poll_recovers(
    answer: str | httpx.Response, reason: str, message: str
) -> None:
    server = Server(registry=REGISTERED)
    bench = server.polls()
    bench.poll()
    server.report = answer
    status = bench.poll()

    assert reason_and_message(status) == (reason, f"{ACME}: {message}")
    assert bench.exposition() == GOLDEN
    server.report = SAMPLE

    assert bench.poll().success


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("<html>", "the body looks like an HTML page, not CSV"),
        ("", "the body is empty"),
        ("Instance user ID,Site Admin\n1,true\n", "there is no column Service Account"),
        ("Service Account\ntrue\n", "there is no column Instance user ID"),
        (REGISTERED + "6,fal", "row 7 has 2 columns and the header 3"),
        (REGISTERED + ",true,false\n", "Instance user ID in row 7 is blank"),
        (REGISTERED + "6,robot,false\n", "Service Account in row 7 is text, not a flag such as true or false"),
        (REGISTERED.encode() + b"\xff,true,false\n", "there is no CSV in UTF-8 after the header"),
        (REGISTERED + '"6,true,false\n', "there is no CSV in UTF-8 after the header"),
    ],
)
def test_a_registry_that_cannot_be_right_is_a_payload_error_and_stores_nothing(body: str | bytes, message: str) -> None:
    bench = Server(registry=body).polls()
    status = bench.poll()

    assert reason_and_message(status) == ("payload", f"{ACME}: sourcegraph GET {REGISTRY}: {message}")
    assert bench.samples() == []


@pytest.mark.parametrize("status", [402, 403])
def test_a_registry_that_the_token_may_not_read_costs_seats_and_service_accounts_and_one_warning(
    status: int, caplog: pytest.LogCaptureFixture
) -> None:
    server = Server(registry=httpx.Response(status))
    bench = server.polls()
    for _ in range(2):
        assert bench.poll().success

    assert (bench.poller().failed, bench.values("adoption_seats")) == ({}, {})
    assert bench.values("adoption_active_service_accounts") == {}
    assert bench.values("adoption_active_users")[ACME, "1d"] > 0
    assert [record.message for record in caplog.records] == [
        f"{ACME} has neither seats nor service accounts: sourcegraph GET {REGISTRY}: {status}"
    ]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [(httpx.Response(503), "unreachable"), (httpx.Response(429), "rate_limited"), ("no registry", "payload")],
)
def test_a_registry_that_fails_for_once_fails_the_instance_though_its_people_are_published(
    answer: str | httpx.Response, reason: str
) -> None:
    server = Server(registry=REGISTERED)
    bench = server.polls()
    bench.poll()
    people, seats = bench.values("adoption_active_users"), bench.values("adoption_seats")
    server.registry = answer
    bench.now += timedelta(days=1)
    server.report = report(row("77"), row("2"), row("4"), row("77", Timestamp_Date="2026-11-20"))
    failed = bench.poll()

    assert failure_of(failed).reason == reason
    assert (people[ACME, "1d"], seats) == (2, {(ACME,): 4})
    assert bench.values("adoption_active_users") == {(ACME, "1d"): 1}
    assert bench.values("adoption_seats") == seats
    server.registry = REGISTERED
    assert bench.poll().success


def test_a_registry_that_fails_before_it_was_ever_read_makes_no_service_account_a_person() -> None:
    bench = Server(registry=httpx.Response(503)).polls()

    assert failure_of(bench.poll()).reason == "unreachable"
    assert bench.samples() == []


def test_a_token_that_is_refused_for_the_registry_is_refused() -> None:
    server = Server(registry=REGISTERED)
    bench = server.polls()
    bench.poll()
    server.registry = httpx.Response(401)

    assert failure_of(bench.poll()).status == 401
    assert server.asked[-1][0] == REGISTRY


def test_a_registry_is_read_however_it_is_written() -> None:
    body = (
        "\ufeff Site Admin , SERVICE ACCOUNT,Instance  user ID\r\n\r\ntrue,,1.0\r\nfalse,no,2\r\n,YES,4\r\n,0,4.0\r\n"
    )
    bench = Server(registry=body).polls()
    bench.poll()

    assert bench.values("adoption_seats") == {(ACME,): 2.0}
    assert of_one_day(bench, "adoption_active_service_accounts") == {(): 1.0}


@pytest.mark.parametrize("body", [SAMPLE, SAMPLE[:-3], "{}"])
def test_no_report_is_left_on_the_disk(body: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    before = open_files()
    Server(body).polls().poll()

    assert (list(tmp_path.iterdir()), open_files()) == ([], before)


def test_a_report_that_is_read_stands_in_no_file_and_whoever_stops_reading_leaves_no_thread_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    bench = Server().polls(history=timedelta(days=60))
    bench.poll()
    assert bench.made is not None
    source, before, files = bench.made.source, set(threading.enumerate()), open_files()
    with source.connect(lambda _code: None) as client:
        context = PollContext(
            client,
            source.settings,
            AccountBook(bench.store, "tool"),
            NOW,
            source.vendor.open_session(),
            lambda _kind, _remark: None,
        )
        readings = source.vendor.read(
            context, ACME, [date.fromisoformat(DAY) - timedelta(days=back) for back in range(60)]
        )
        first = next(readings)
        read, opened = list(tmp_path.iterdir()), open_files()
        del readings

    assert (read, opened) == ([], files)
    assert (first.day.isoformat(), set(threading.enumerate()) - before) == (DAY, set())


def open_files() -> set[str]:
    """The regular files that this process has open and that have no name."""
    found: set[str] = set()
    for link in Path("/proc/self/fd").iterdir():
        # The folder's own number is gone by now.
        with suppress(FileNotFoundError):
            found.add(str(link.readlink()))
    return {target for target in found if target.endswith("(deleted)")}


def test_teams_find_people_by_email_user_name_and_id() -> None:
    rows: Sequence[dict[str, object]] = [
        row("1", User_Email=" Alice@example.com ", Username="alice"),
        row("2", Username="bob"),
        row("3", User_Email="carol@example.com", Timestamp_Date="2026-11-18"),
        row("3", User_Email="carol@example.org"),
    ]
    bench = Server(report(*rows)).polls()
    bench.poll()
    accounts = AccountBook(bench.store, "tool")

    assert known_names(accounts, ["alice@example.com", "ALICE", "bob", "3", "carol@example.org", "nobody"]) == {
        "alice@example.com",
        "ALICE",
        "bob",
        "3",
        "carol@example.org",
    }

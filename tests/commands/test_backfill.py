"""History: what is backfilled equals what a daily run would have published, and Prometheus takes it."""

import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from pyroaring import BitMap
from rich.progress import Progress

from exporter.commands.backfill import BackfillRun, retention_for
from exporter.daemon.exporter import Exporter
from exporter.errors import Unreachable
from exporter.metrics import Sample
from exporter.model import EVERYBODY, DayFacts, Reading
from exporter.publish.backfill import PastDay, Timeline, past_days, write_file
from exporter.simulator.augment import augment_app
from exporter.simulator.company import Company
from exporter.simulator.server import build, serve
from exporter.state.store import Store
from exporter.vendors.registry import VENDORS
from tests.support import real_servers
from tests.support.collectors import Reply, http_collector
from tests.support.companies import utc_now
from tests.support.configurations import load_text
from tests.support.counted_elsewhere import SINGLE_DAYS
from tests.support.daemons import PATIENCE, get
from tests.support.made_up_vendor import YESTERDAY, Bench, Script, people
from tests.support.past_readers import past_reader
from tests.support.stores import fresh_store
from tests.support.vendor_polls import VendorPolls

pytestmark = pytest.mark.slow

FIRST, LAST = date(2026, 3, 1), date(2026, 5, 29)
COMPANY = Company(people=12, first_day=date(2025, 12, 1))
READY = timedelta(hours=3)


@dataclass
class Clock:
    """The time that the vendor and the exporter both see."""

    now: datetime


@contextmanager
def augment(clock: Clock) -> Iterator[VendorPolls]:
    """A source over the simulated vendor; both see the clock."""
    with serve(augment_app(COMPANY, lambda: clock.now)) as server:
        days = {"history": timedelta(days=40), "lookback": timedelta(days=1)}
        settings = {"base_url": server.url, "token": "demo-token", **days}
        yield VendorPolls("augment", settings, clock.now)


def first_shown(day: date) -> datetime:
    """When a day is first due: the next midnight and the ready hour."""
    return datetime.combine(day + timedelta(days=1), time(), UTC) + READY


def backfilled(bench: VendorPolls, first: date, last: date) -> list[PastDay]:
    """What backfill makes of the days, read from the vendor as far as they are not stored."""
    poller = bench.poller()
    reader = past_reader(bench, poller, first, last)
    assert reader.read() == {}
    return list(past_days(poller.publisher.sample_options, bench.store, 50_000, first, last, bench.now))


# What is not known of the past, and what is about the days as they are known now.
OF_NOW = {"adoption_data_revisions_total", *SINGLE_DAYS}


def test_ninety_backfilled_days_equal_a_daily_run() -> None:
    clock = Clock(first_shown(FIRST))
    live: dict[datetime, set[Sample]] = {}
    with augment(clock) as bench:
        day = FIRST
        while day <= LAST:
            clock.now = bench.now = first_shown(day)
            assert bench.poll().success
            live[clock.now] = {sample for sample in bench.samples() if sample.metric not in OF_NOW}
            day += timedelta(days=1)
    with augment(clock) as fresh:
        history = {past.moment: set(past.samples) for past in backfilled(fresh, FIRST, LAST)}

    assert len(history) == 90
    assert history == live


def test_what_is_stored_is_not_asked_again() -> None:
    clock = Clock(first_shown(LAST))
    with augment(clock) as bench:
        first = backfilled(bench, date(2026, 5, 20), date(2026, 5, 25))
        asked = bench.own("vendor_requests_total", code="200")
        again = backfilled(bench, date(2026, 5, 20), date(2026, 5, 25))

    assert again == first
    assert bench.own("vendor_requests_total", code="200") == asked


@pytest.mark.parametrize(
    ("vendor", "settings", "requests"),
    [
        ("augment", {}, {30: (62, 62), 40: (82, 82)}),
        ("coder", {}, {30: (61, 61), 40: (81, 81)}),
        ("coder-classic", {}, {30: (6, 6), 40: (12, 12)}),
        # The last three days are not ready; the others have two files each.
        ("copilot", {"organizations": ["acme"]}, {30: (60, 81), 40: (80, 111)}),
        # What a project is called and what Cube has are asked for too.
        ("gitlab", {"projects": ["platform/portal"]}, {30: (4, 6), 40: (4, 6)}),
        ("sourcegraph", {"instances": ["acme.sourcegraphcloud.com"]}, {30: (2, 2), 40: (3, 3)}),
    ],
)
def test_the_least_requests_are_those_that_a_vendor_is_really_asked(
    vendor: str, settings: dict[str, Any], requests: dict[int, tuple[int, int]]
) -> None:
    now = first_shown(LAST)
    app = build(COMPANY, lambda: now)
    found = {}
    with serve(app) as server:
        for days in requests:
            given = {"base_url": f"{server.url}/{vendor}", "token": "demo-token", **settings}
            bench = VendorPolls(vendor, {**given, "history": timedelta(days=days), "lookback": timedelta(days=1)}, now)
            before = app.state.requests[vendor]
            backfilled(bench, LAST, LAST)
            asked = app.state.requests[vendor] - before
            found[days] = (VENDORS[vendor].least_requests(days, 1), asked)

    assert found == requests


def sample(window: str, value: float) -> Sample:
    return Sample("adoption_active_users", ("tool", "augment", 'a "b"', window), value)


def test_a_silent_day_is_kept_though_an_older_day_fails() -> None:
    bench = Bench(Script(), history=1)
    silent, failing = YESTERDAY - timedelta(days=2), YESTERDAY - timedelta(days=3)
    failure = Unreachable("no answer")
    bench.script.days |= {("all", YESTERDAY): people(1), ("all", silent): None, ("all", failing): failure}
    poller = bench.poller()
    reader = past_reader(bench, poller, YESTERDAY, YESTERDAY)

    assert reader.read() == {"all": failure}
    assert set(bench.store.days("tool", "all")) == {YESTERDAY, silent}


def test_a_file_holds_each_family_and_each_series_in_one_piece(tmp_path: Path) -> None:
    seats = Sample("adoption_seats", ("tool", "augment", "all"), 3.0)
    one, two = first_shown(date(2026, 3, 1)), first_shown(date(2026, 3, 2))
    days = [PastDay(one, [sample("7d", 9.0), seats, sample("1d", 4.0)]), PastDay(two, [sample("1d", 0.5)])]

    assert write_file(days, tmp_path / "history.om") == 4
    assert [line for line in (tmp_path / "history.om").read_text().splitlines() if "HELP" not in line] == [
        "# TYPE adoption_active_users gauge",
        r'adoption_active_users{scope="a \"b\"",source="tool",vendor="augment",window="1d"} 4.0 1772420400',
        r'adoption_active_users{scope="a \"b\"",source="tool",vendor="augment",window="1d"} 0.5 1772506800',
        r'adoption_active_users{scope="a \"b\"",source="tool",vendor="augment",window="7d"} 9.0 1772420400',
        "# TYPE adoption_seats gauge",
        'adoption_seats{scope="all",source="tool",vendor="augment"} 3.0 1772420400',
        "# EOF",
    ]
    assert list(tmp_path.iterdir()) == [tmp_path / "history.om"]


def test_an_interrupted_file_never_appears(tmp_path: Path) -> None:
    def days() -> Iterator[PastDay]:
        yield PastDay(first_shown(FIRST), [sample("1d", 1.0)])
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_file(days(), tmp_path / "history.om")

    assert list(tmp_path.iterdir()) == []


def test_a_timeline_counts_its_samples() -> None:
    timeline = Timeline()
    timeline.add(PastDay(first_shown(FIRST), [sample("1d", 1.0), sample("7d", 1.0)]))

    assert len(timeline) == 2


@pytest.mark.servers("prometheus", "promtool")
def test_a_real_prometheus_answers_the_backfilled_numbers(tmp_path: Path) -> None:
    with augment(Clock(first_shown(LAST))) as bench:
        days = backfilled(bench, LAST - timedelta(days=29), LAST)
    write_file(days, tmp_path / "history.om")
    made = real_servers.promtool(
        "tsdb", "create-blocks-from", "openmetrics", tmp_path / "history.om", tmp_path / "prometheus"
    )
    assert made.returncode == 0, made.stderr
    with real_servers.prometheus("scrape_configs: []\n", tmp_path, "--storage.tsdb.retention.time=10y") as prometheus:
        for past in random.Random(1).sample(days, 10):
            query = {"query": '{__name__=~"adoption_.+"}', "time": str(past.moment.timestamp())}
            found = get(f"{prometheus}/api/v1/query", params=query).json()["data"]["result"]
            answered = {
                (series["metric"].pop("__name__"), *sorted(series["metric"].values())): float(series["value"][1])
                for series in found
            }

            assert answered == {(s.metric, *sorted(s.labels)): s.value for s in past.samples}


@pytest.mark.parametrize(
    ("first", "retention"),
    [
        (date(2026, 5, 30), "2y"),
        (date(2025, 5, 31), "2y"),
        (date(2025, 5, 30), "3y"),
        (date(1970, 1, 1), "58y"),
    ],
)
def test_the_retention_that_is_named_holds_the_history_for_another_year(first: date, retention: str) -> None:
    assert retention_for(first, date(2026, 5, 30)) == retention


@pytest.mark.real_clock
@pytest.mark.servers("prometheus", "promtool")
def test_a_real_prometheus_keeps_the_history_with_the_retention_that_is_named_and_not_without(tmp_path: Path) -> None:
    today = utc_now().date()
    first = today - timedelta(days=100)
    days = [PastDay(first_shown(first + timedelta(days=index)), [sample("1d", 1.0)]) for index in range(99)]
    write_file(days, tmp_path / "history.om")
    made = real_servers.promtool(
        "tsdb", "create-blocks-from", "openmetrics", tmp_path / "history.om", tmp_path / "prometheus"
    )
    assert made.returncode == 0, made.stderr
    kept = []
    for flags in ([f"--storage.tsdb.retention.time={retention_for(first, today)}"], []):
        with real_servers.prometheus("scrape_configs: []\n", tmp_path, *flags) as prometheus:
            query = {"query": "count_over_time(adoption_active_users[200d])"}
            found = get(f"{prometheus}/api/v1/query", params=query).json()["data"]["result"]
            kept.append(int(found[0]["value"][1]))

    with_the_flag, without = kept
    assert with_the_flag == 99
    assert without < 20


def cli(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "exporter", "backfill", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)


def test_the_command_says_what_it_would_ask_and_then_asks_that(tmp_path: Path) -> None:
    yesterday = utc_now().date() - timedelta(days=2)
    first = yesterday - timedelta(days=2)
    company = Company(people=10, first_day=yesterday - timedelta(days=100))
    with serve(augment_app(company, utc_now)) as server:
        config = tmp_path / "config.yaml"
        config.write_text(
            f'state: {{url: "sqlite:///{tmp_path}/state.db"}}\n'
            "sources:\n"
            "  tool: {vendor: augment, token: demo-token, requests_per_minute: 100000, history: 30d, "
            f'base_url: "{server.url}"}}\n'
        )
        days = ("--config.file", str(config), "--from", first.isoformat(), "--to", yesterday.isoformat())
        before = cli(*days, "--dry-run")
        done = cli(*days, "--output", str(tmp_path / "history.om"))
        after = cli(*days, "--dry-run")

    assert before.stdout == "tool: 32 days to read, about 66 requests, less than a minute\n"
    samples, last_line = done.stderr.splitlines()
    assert (done.returncode, samples.split(" ", 1)[1]) == (0, f"samples in {tmp_path}/history.om")
    assert last_line == (
        f"for Prometheus: promtool tsdb create-blocks-from openmetrics {tmp_path}/history.om DATA-FOLDER, and start it "
        "with --storage.tsdb.retention.time=2y or more: by default it deletes what is older than 15 days"
    )
    assert after.stdout == "tool: 0 days to read, about 0 requests, less than a minute\n"


def test_the_command_says_how_long_many_requests_take(tmp_path: Path) -> None:
    company = Company(people=10, first_day=date(2025, 1, 1))
    with serve(augment_app(company, utc_now)) as server:
        config = tmp_path / "config.yaml"
        config.write_text(
            'state: {url: "sqlite://"}\n'
            "sources:\n"
            f'  slow: {{vendor: augment, token: demo-token, requests_per_minute: 1, base_url: "{server.url}"}}\n'
        )
        done = cli("--config.file", str(config), "--from", "2025-06-01", "--to", "2025-06-02", "--dry-run")

    assert done.stdout == "slow: 61 days to read, about 124 requests, about 2h4m\n"


def test_the_command_waits_until_no_other_process_reads_a_source(tmp_path: Path) -> None:
    last = utc_now().date() - timedelta(days=2)
    company = Company(people=10, first_day=last - timedelta(days=100))
    with serve(augment_app(company, utc_now)) as server:
        config = tmp_path / "config.yaml"
        config.write_text(
            f'state: {{url: "sqlite:///{tmp_path}/state.db"}}\n'
            "sources:\n"
            "  tool: {vendor: augment, token: demo-token, requests_per_minute: 100000, history: 30d, "
            f'base_url: "{server.url}"}}\n'
        )
        days = ("--config.file", str(config), "--from", last.isoformat(), "--to", last.isoformat())
        store = Store.open(f"sqlite:///{tmp_path}/state.db")
        command = [sys.executable, "-m", "exporter", "backfill", *days, "--output", str(tmp_path / "history.om")]
        with store.database.leader_lock("tool") as ours:
            process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
            assert process.stderr is not None
            said = process.stderr.readline()
            stored = store.scopes("tool")
        rest = process.communicate(timeout=60)[1]
        store.close()

    assert (ours, said, stored) == (True, "tool: waits, another process reads it\n", {})
    assert (process.returncode, rest.count("\n")) == (0, 2)


def test_a_turn_that_is_lost_in_the_middle_is_an_error_of_the_source(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = fresh_store()
    with serve(augment_app(COMPANY, lambda: first_shown(LAST))) as server:
        source = f'{{vendor: augment, token: demo-token, requests_per_minute: 100000, base_url: "{server.url}"}}'
        exporter = Exporter.open(load_text(tmp_path, f"sources: {{tool: {source}}}\n"), store)
        span = BackfillRun(exporter, LAST, LAST, Progress(), now=lambda: first_shown(LAST))
        with store.database.write() as connection:
            connection.exec_driver_sql(
                "CREATE TRIGGER thief AFTER INSERT ON scope BEGIN UPDATE turn SET token = x'00'; END"
            )
        failed = span.read()

    assert failed
    assert capsys.readouterr().err.splitlines() == [
        "tool: another process reads tool now, and what this one would store may be older"
    ]
    assert store.days("tool", "all") == {}


def test_the_command_says_of_how_many_days_there_is_no_data(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = fresh_store()
    store.list_scopes("some", ["all"])
    for day in (2, 3):
        facts = DayFacts(people={EVERYBODY: BitMap([1])})
        store.replace("some", "all", Reading(date(2026, 3, day), facts), now=first_shown(LAST), requests=1)
    source = "{vendor: augment, token: t0ken-in-the-file}"
    exporter = Exporter.open(load_text(tmp_path, f"sources: {{some: {source}, none: {source}}}\n"), store)
    spans = [BackfillRun(exporter, date(2026, 3, first), date(2026, 3, 3), Progress()) for first in (1, 2)]

    found = [[past.moment for past in span.days()] for span in spans]

    shown = [first_shown(date(2026, 3, day)) for day in (2, 3)]
    assert found == [shown, shown]
    assert capsys.readouterr().err.splitlines() == [
        "some: 1 of 3 days have no data",
        "none: 3 of 3 days have no data",
        "none: 2 of 2 days have no data",
    ]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ((), "Missing option '--config.file'."),
        (("--config.file", "x", "--from", "2026-01-02", "--to", "2026-01-01", "--dry-run"), "--to is before --from"),
        (
            ("--config.file", "x", "--from", "0001-01-01", "--to", "2026-01-01", "--dry-run"),
            "Invalid value for '--from': must be 1970-01-01 or later",
        ),
        (
            ("--config.file", "x", "--from", "2026-01-01", "--to", "2026-01-02"),
            "give one of --output FILE, --otlp and --dry-run",
        ),
        (
            ("--config.file", "x", "--from", "2026-01-01", "--to", "2026-01-02", "--output", "."),
            "Invalid value for '--output': File '.' is a directory.",
        ),
        (
            ("--config.file", "x", "--from", "2026-01-01", "--to", "2026-01-02", "--output", "no-such-folder/a.om"),
            "Invalid value for '--output': there is no folder no-such-folder that can be written to",
        ),
    ],
)
def test_a_usage_error_is_one_line(arguments: tuple[str, ...], error: str) -> None:
    done = cli(*arguments)

    assert (done.returncode, done.stderr) == (2, f"{error}\n")


@pytest.mark.parametrize("refuses", [False, True])
def test_the_command_sends_the_same_samples_by_otlp(tmp_path: Path, *, refuses: bool) -> None:
    last = utc_now().date() - timedelta(days=2)
    company = Company(people=10, first_day=last - timedelta(days=100))
    with (
        serve(augment_app(company, utc_now)) as server,
        http_collector(lambda _number: Reply(status=400 if refuses else 200)) as collector,
    ):
        config = tmp_path / "config.yaml"
        config.write_text(
            f'state: {{url: "sqlite:///{tmp_path}/state.db"}}\n'
            f'otlp: {{endpoint: "{collector.url}"}}\n'
            "sources:\n"
            "  tool: {vendor: augment, token: demo-token, requests_per_minute: 100000, history: 30d, "
            f'base_url: "{server.url}"}}\n'
        )
        days = ("--config.file", str(config), "--from", last.isoformat(), "--to", last.isoformat())
        sent = cli(*days, "--otlp")
        cli(*days, "--output", str(tmp_path / "history.om"))
    families = text_string_to_metric_families((tmp_path / "history.om").read_text())
    written = {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }
    taken = 0 if refuses else len(written)

    assert sent.returncode == int(refuses)
    assert sent.stderr.startswith(f"{taken} samples taken by {collector.url}")
    assert collector.series() == written
    moments = {point.time_unix_nano for points in collector.points().values() for point in points.values()}
    assert moments == {int(first_shown(last).timestamp()) * 10**9}

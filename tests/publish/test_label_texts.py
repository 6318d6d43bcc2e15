"""Whatever text a vendor or a teams file puts into a label, every output carries it, and who reads it has it back."""

import csv
import io
import json
import sys
import tempfile
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.sdk.resources import Resource
from prometheus_client.core import Metric as Family
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text
from starlette.types import ASGIApp, Receive, Scope, Send

from exporter.config.teams_file import read_teams
from exporter.metrics import CATALOGUE, Sample
from exporter.otlp.points import batches, nanoseconds, sample_point
from exporter.publish.backfill import PastDay, write_file
from exporter.publish.snapshot import ExpositionCache
from exporter.transport.json_object import json_object
from exporter.web.status_page import status_page
from tests.support import real_servers
from tests.support.daemons import wait_until
from tests.support.reference import published
from tests.support.reports import Web, report, scope, source
from tests.support.sourcegraph_reports import ACME, Server, row
from tests.support.sourcegraph_reports import report as csv_report
from tests.support.web_server import serving
from tests.vendors.test_augment import RECORDS, polls, the_published

# What ends a line or a text for somebody, what means something to a reader, what a terminal obeys, what looks like
# something else. Nothing holds NUL or half of a surrogate pair: both are refused where they are read.
ODD = (
    *("\n", "\r", "\r\n", "\v", "\f", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029", "\x1a", "\x1b[31m", "\x7f"),
    *("\\", '"', "\\n", '\\"', "'", "{", "}", ",", "=", "a}b{c=,", "# EOF\n", "# TYPE", " 1 2", "\t", "  ", "\ufeff"),
    *("<b>", "&amp;", "&#13;", "]]>", "${HOME}", "%0d", "🙂", "e\u0301", "\u202e", "\u200b", "\xa0", "\ufffe", "日本"),
)
LETTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
TEXTS = st.lists(st.sampled_from(ODD) | LETTERS, min_size=1, max_size=30).map("".join)
LONG = st.tuples(TEXTS, st.integers(1, 300)).map(lambda made: made[0] * made[1])
ANY = TEXTS | LONG

MOMENT = datetime(2026, 3, 10, 3, tzinfo=UTC)
NAME = "adoption_team_active_users"
Series = dict[tuple[tuple[str, str], ...], float]


def every_letter() -> list[str]:
    """All of Unicode, in pieces that a label can hold."""
    letters = [chr(point) for point in range(1, sys.maxunicode + 1) if not 0xD800 <= point <= 0xDFFF]
    return ["".join(letters[start : start + 256]) for start in range(0, len(letters), 256)]


def labelled(texts: Iterable[str]) -> list[Sample]:
    """A sample for each text, with the text as its scope and as its team."""
    return [
        Sample(NAME, ("tool", "augment", text, "1d", text), index) for index, text in enumerate(dict.fromkeys(texts))
    ]


def as_series(samples: Iterable[Sample]) -> Series:
    return {
        tuple(sorted(zip(CATALOGUE[sample.metric].labels, sample.labels, strict=True))): sample.value
        for sample in samples
    }


def as_read(families: Iterable[Family]) -> Series:
    return {tuple(sorted(found.labels.items())): float(found.value) for family in families for found in family.samples}


def file_of(samples: Sequence[Sample], folder: Path) -> Path:
    """The file that a backfill of one day writes."""
    path = folder / "history.om"
    assert write_file([PastDay(MOMENT, list(samples))], path) == len(samples)
    return path


@settings(deadline=None)
@given(st.lists(ANY, min_size=1, max_size=5))
def test_the_exposition_is_read_back(texts: list[str]) -> None:
    samples = labelled(texts)

    text = published(samples, "text")
    openmetrics = published(samples, "openmetrics")

    assert as_read(parse_text(text.decode())) == as_series(samples)
    assert as_read(parse_openmetrics(openmetrics.decode())) == as_series(samples)


@settings(deadline=None)
@given(st.lists(ANY, min_size=1, max_size=5))
def test_a_backfilled_file_is_read_back(texts: list[str]) -> None:
    samples = labelled(texts)
    with tempfile.TemporaryDirectory() as folder:
        written = file_of(samples, Path(folder)).read_bytes().decode()

    families = list(parse_openmetrics(written))

    assert as_read(families) == as_series(samples)
    assert {float(found.timestamp) for family in families for found in family.samples} == {MOMENT.timestamp()}


@settings(deadline=None)
@given(st.lists(ANY, min_size=1, max_size=5))
def test_a_backfilled_series_is_spelled_as_the_exposition_spells_it(texts: list[str]) -> None:
    samples = sorted(labelled(texts), key=lambda sample: sample.labels)
    with tempfile.TemporaryDirectory() as folder:
        written = file_of(samples, Path(folder)).read_bytes()

    stamped = written.replace(f" {MOMENT.timestamp():.0f}\n".encode(), b"\n")
    assert stamped == published(samples, "openmetrics")


@settings(deadline=None)
@given(st.lists(ANY, min_size=1, max_size=5))
def test_otlp_is_read_back(texts: list[str]) -> None:
    samples = labelled(texts)
    points = [sample_point(sample, nanoseconds(MOMENT)) for sample in samples]

    sent = [encode_metrics(batch.data).SerializeToString() for batch in batches(points, Resource({}))]

    assert as_series(samples) == {
        tuple(sorted((label.key, label.value.string_value) for label in point.attributes)): point.as_double
        for message in sent
        for resource in ExportMetricsServiceRequest.FromString(message).resource_metrics
        for of_scope in resource.scope_metrics
        for metric in of_scope.metrics
        for point in metric.gauge.data_points
    }


class Scopes(HTMLParser):
    """Every scope of a status page: as its attribute has it, and as its heading shows it."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.named: list[str] = []
        self.shown: list[str] = []
        self._in_heading = False
        # The first thing that a browser does with a page, and Python's parser does not.
        self.feed(page.replace("\r\n", "\n").replace("\r", "\n"))
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.named += [value or "" for name, value in attrs if name == "data-scope"]
        self._in_heading = tag == "h3"
        if self._in_heading:
            self.shown.append("")

    def handle_endtag(self, tag: str) -> None:
        self._in_heading = self._in_heading and tag != "h3"

    def handle_data(self, data: str) -> None:
        if self._in_heading:
            self.shown[-1] += data


@settings(deadline=None)
@given(st.lists(ANY, min_size=1, max_size=5, unique=True))
def test_the_status_page_is_read_back(texts: list[str]) -> None:
    page = Scopes(status_page(report(source("tool", *map(scope, texts)))))

    assert sorted(page.named) == sorted(texts)
    assert page.shown == page.named


@settings(deadline=None)
@given(ANY)
def test_a_vendors_json_carries_it(text: str) -> None:
    escaped, raw = (json.loads(json.dumps({"name": text}, ensure_ascii=ascii_only)) for ascii_only in (True, False))

    assert (json_object(escaped, "v").text("name"), json_object(raw, "v").text("name")) == (text, text)


@settings(deadline=None)
@given(TEXTS)
def test_a_teams_file_carries_it_without_the_space_around_it(text: str) -> None:
    rows = io.StringIO(newline="")
    csv.writer(rows, quoting=csv.QUOTE_ALL).writerows([("user", "team"), ("bob", text)])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "teams.csv"
        path.write_bytes(rows.getvalue().encode())

        assert read_teams(path).team_of == {"bob": text.strip() or "unassigned"}


def test_what_vendors_answer_comes_out_as_they_spell_it() -> None:
    """From the wire through the state: JSON (Augment) and CSV (Sourcegraph)."""
    text = "".join(ODD)
    bodies = the_published()
    bodies[RECORDS]["records"] = [{**record, "editor": text} for record in bodies[RECORDS]["records"]]
    augment = polls(bodies)
    augment.poll()
    sourcegraph = Server(csv_report(row(Client_Name=text, Searches=3))).polls()
    sourcegraph.poll()

    for bench, of_scope in ((augment, "all"), (sourcegraph, ACME)):
        assert {labels for labels in bench.values("adoption_client_active_users") if labels[1] == "1d"} == {
            (of_scope, "1d", text)
        }


@pytest.mark.servers("prometheus", "promtool")
def test_a_real_prometheus_has_every_letter_of_a_backfilled_file(tmp_path: Path) -> None:
    samples = labelled([*every_letter(), *ODD])
    history = file_of(samples, tmp_path)
    made = real_servers.promtool("tsdb", "create-blocks-from", "openmetrics", history, tmp_path / "prometheus")
    assert made.returncode == 0, made.stderr

    with real_servers.prometheus("scrape_configs: []\n", tmp_path, "--storage.tsdb.retention.time=100y") as prometheus:
        assert answered(prometheus, at=MOMENT.timestamp()) == as_series(samples)


def without_accept(app: ASGIApp) -> ASGIApp:
    """Asked for nothing in particular, the exporter answers in the text format."""

    async def asked(scope: Scope, receive: Receive, send: Send) -> None:
        await app({**scope, "headers": [pair for pair in scope["headers"] if pair[0] != b"accept"]}, receive, send)

    return asked


@pytest.mark.servers("prometheus", "promtool")
@pytest.mark.parametrize("form", ["text", "openmetrics"])
def test_a_real_prometheus_scrapes_every_letter(tmp_path: Path, form: str) -> None:
    samples = labelled([*every_letter(), *ODD])
    cache = ExpositionCache()
    cache.publish("tool", samples)
    app: ASGIApp = Web(cache=cache).application()
    if form == "text":
        app = without_accept(app)
        checked = real_servers.promtool("check", "metrics", stdin=cache.snapshot.parts["text"].plain.decode())
        assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")

    with serving(app) as address:
        config = (
            "global: {scrape_interval: 5s, scrape_timeout: 5s}\n"
            f"scrape_configs: [{{job_name: adoption, static_configs: [{{targets: ['{address}']}}]}}]\n"
        )
        with real_servers.prometheus(config, tmp_path) as prometheus:
            wait_until(lambda: len(answered(prometheus)) > 0, patience=120)
            assert answered(prometheus) == as_series(samples)


def answered(prometheus: str, at: float | None = None) -> Series:
    """What an instant query gives, without what a scrape adds."""
    query = {"query": NAME} if at is None else {"query": NAME, "time": str(at)}
    result = httpx.get(f"{prometheus}/api/v1/query", params=query, timeout=60).json()["data"]["result"]
    added = {"__name__", "job", "instance"}
    return {
        tuple(sorted((name, text) for name, text in found["metric"].items() if name not in added)): float(
            found["value"][1]
        )
        for found in result
    }

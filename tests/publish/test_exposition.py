import gzip
import random
import zlib
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.core import Metric as Family
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from exporter.errors import Failure
from exporter.metrics import ADOPTION, CATALOGUE, COMPANY, Sample, sample
from exporter.publish.body import bodies, gzipped, piece
from exporter.publish.prometheus import END, Format, heading, lines, render_collector, series
from exporter.publish.self_metrics import SelfMetrics
from exporter.publish.snapshot import ExpositionCache
from exporter.state.store import PollStatus
from tests.support.real_servers import promtool
from tests.support.reference import published, render

NOW = datetime(2026, 3, 10, 3, tzinfo=UTC)
ALL = {"source": "acme", "vendor": "augment", "scope": "all"}
GOLDEN = Path(__file__).parents[1] / "golden"
FORMS: list[Format] = ["text", "openmetrics"]
SAMPLES = [
    sample("adoption_seats", 250, **ALL),
    sample("adoption_client_active_users", 3, **ALL, window="1d", client='V"S\\ Code\n日本'),
    sample("adoption_data_revisions_total", 2, **ALL),
    sample("adoption_client_active_users", 1, **ALL, window="1d", client="vim"),
    sample("adoption_data_day_workday", 0.0, **ALL),
    sample("adoption_active_time_seconds", 5400.123456789, **ALL, window="1d"),
]

TEXT = """\
# HELP adoption_client_active_users Distinct people by editor or client in the window of UTC days that ends with the \
data day (adoption_data_day_timestamp_seconds). Never add these: one person counts in several.
# TYPE adoption_client_active_users gauge
adoption_client_active_users{client="V\\"S\\\\ Code\\n日本",scope="all",source="acme",vendor="augment",window="1d"} 3.0
adoption_client_active_users{client="vim",scope="all",source="acme",vendor="augment",window="1d"} 1.0
# HELP adoption_active_time_seconds Time spent in the window of UTC days that ends with the data day \
(adoption_data_day_timestamp_seconds), all people together.
# TYPE adoption_active_time_seconds gauge
adoption_active_time_seconds{scope="all",source="acme",vendor="augment",window="1d"} 5400.123456789
# HELP adoption_seats Paid or registered human seats: seats in the configuration, else what the vendor's registry says \
today.
# TYPE adoption_seats gauge
adoption_seats{scope="all",source="acme",vendor="augment"} 250.0
# HELP adoption_data_revisions_total Days whose content changed after they were first published.
# TYPE adoption_data_revisions_total counter
adoption_data_revisions_total{scope="all",source="acme",vendor="augment"} 2.0
# HELP adoption_data_day_workday 1 where the data day is a working day in the source's calendar, else 0.
# TYPE adoption_data_day_workday gauge
adoption_data_day_workday{scope="all",source="acme",vendor="augment"} 0.0
"""


def test_samples_are_written_as_text_in_the_order_of_the_catalogue() -> None:
    assert published(SAMPLES, "text").decode() == TEXT


def test_samples_are_written_as_openmetrics_with_the_counters_name_without_total() -> None:
    openmetrics = TEXT.replace("# HELP adoption_data_revisions_total", "# HELP adoption_data_revisions").replace(
        "# TYPE adoption_data_revisions_total", "# TYPE adoption_data_revisions"
    )

    assert published(SAMPLES, "openmetrics").decode() == openmetrics + "# EOF\n"


@pytest.mark.parametrize("form", FORMS)
def test_no_samples_are_no_text(form: Format) -> None:
    assert published([], form) == END[form]


@pytest.mark.parametrize("name", CATALOGUE)
def test_a_series_that_is_written_alone_is_spelled_as_among_others(name: str) -> None:
    labels = tuple(f'a "{label}"\n\r\\' for label in CATALOGUE[name].labels)

    assert f"{heading(name)}{series(name, labels)} 0.5\n".encode() == render([Sample(name, labels, 0.5)], "openmetrics")


LABEL = st.one_of(
    st.sampled_from(["", "vim", '"', "\\", "\n", '\\n"', "\\\\", "\r\n", "日本", "a}b{c=,", "# EOF"]), st.text()
)
VALUE = st.one_of(st.integers(0, 2**53), st.floats(0, 1e300), st.just(float(2**63)))


@st.composite
def adoption_samples(draw: st.DrawFn) -> list[Sample]:
    """Samples of any adoption metrics, no series twice."""
    names = draw(st.lists(st.sampled_from(ADOPTION), max_size=12))
    labelled = {(row.name, tuple(draw(LABEL) for _ in row.labels)) for row in names}
    return [Sample(name, labels, draw(VALUE)) for name, labels in sorted(labelled)]


ODD = st.one_of(VALUE, st.floats(), st.sampled_from([-0.0, 0.0, 0, 1e21, 1e-7, 2**63]))


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abc"), adoption_samples(), ODD), max_size=5), st.sampled_from(FORMS))
def test_publications_one_after_the_other_are_what_prometheus_client_makes_of_the_last_of_each_source(
    publications: list[tuple[str, list[Sample], float]], form: Format
) -> None:
    cache = ExpositionCache()
    last: dict[str, list[Sample]] = {}
    for source, samples, odd in publications:
        last[source] = [*samples, sample("adoption_seats", odd, source=source, vendor="cursor", scope="all")]
        cache.publish(source, last[source])

    expected = render([sample for source in sorted(last) for sample in last[source]], form)
    assert cache.snapshot.parts[form].plain == expected
    assert gzip.decompress(b"".join(gzipped(cache.snapshot.parts[form], b"rest"))) == expected + b"rest"


@settings(deadline=None)
@given(adoption_samples())
def test_both_formats_are_read_back_as_the_same_samples(samples: list[Sample]) -> None:
    expected = sorted((name, _labels(name, values), float(value)) for name, values, value in samples)

    assert _read(parse_text(published(samples, "text").decode())) == expected
    assert _read(parse_openmetrics(published(samples, "openmetrics").decode())) == (expected)


GZIPPED = st.lists(st.tuples(st.text(max_size=3), st.binary(max_size=3_000)), max_size=20)


@settings(deadline=None)
@given(pieces=GZIPPED, rest=st.binary(max_size=3_000))
def test_a_gzipped_body_is_one_member_that_holds_the_plain_body(pieces: list[tuple[str, bytes]], rest: bytes) -> None:
    # Repeated, so that there are several chunks.
    first = bodies([piece(name, text * 20) for name, text in pieces]).text

    zipped = b"".join(gzipped(first, rest))

    whole = b"".join(text * 20 for _, text in pieces) + rest
    assert first.plain + rest == whole
    assert gzip.decompress(zipped) == whole
    one_member = zlib.decompressobj(zlib.MAX_WBITS | 16)
    assert one_member.decompress(zipped) == whole
    assert (one_member.eof, one_member.unused_data) == (True, b"")


def test_a_body_in_chunks_is_at_most_15_percent_longer_than_one_that_is_compressed_whole() -> None:
    first = bodies([piece(source, lines_of(source)) for source in map(str, range(1_000))]).text

    assert len(first.deflated) <= 1.15 * len(gzip.compress(first.plain, 6))


def lines_of(source: str) -> bytes:
    """Thirty series of a source with numbers of all sizes."""
    numbers = random.Random(source)
    return lines(
        "adoption_team_active_users",
        [
            Sample(
                "adoption_team_active_users",
                (source, "augment", "all", "28d", f"team-{team}"),
                numbers.randrange(9_999),
            )
            for team in range(30)
        ],
    )


def test_chunks_whose_pieces_stay_the_same_are_not_compressed_again() -> None:
    before = [piece(f"piece {number}", bytes(random.Random(number).choices(b"abc", k=2_000))) for number in range(400)]
    after = [*before[:100], piece("new", b"new"), *before[101:]]

    chunks = bodies(before).chunks
    again = bodies(after, chunks).chunks

    made = [chunk for key, chunk in again.items() if chunks.get(key) is not chunk]
    assert len(chunks) > 10
    assert len(made) <= 2


@pytest.mark.servers("promtool")
def test_promtool_has_nothing_to_say_about_any_metric_of_the_exporter() -> None:
    self_metrics = SelfMetrics()
    self_metrics.otlp()
    source = self_metrics.source("acme", "augment")
    source.polled(PollStatus(1.0, 1.0, 1.0, Failure("rejected", "no")))
    source.next_poll(NOW)
    source.token_expires(NOW)
    source.request(403)
    source.scopes({"all": None})
    one_of_each = [
        sample(row.name, 1, **{label: f"a {label}" for label in row.labels}) for row in (*ADOPTION, *COMPANY)
    ]
    text = (published(one_of_each, "text") + render_collector(self_metrics.registry, "text")).decode()

    checked = promtool("check", "metrics", stdin=text)

    absent = [row.name for row in CATALOGUE.values() if f"\n{row.name}{'{' if row.labels else ' '}" not in text]
    assert absent == []
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


@pytest.mark.servers("promtool")
@pytest.mark.parametrize("golden", sorted(GOLDEN.glob("*.txt")), ids=lambda path: path.stem)
def test_promtool_has_nothing_to_say_about_what_a_vendors_answers_become(golden: Path) -> None:
    checked = promtool("check", "metrics", stdin=golden.read_text())

    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


def _labels(name: str, values: tuple[str, ...]) -> list[tuple[str, str]]:
    return sorted(zip(CATALOGUE[name].labels, values, strict=True))


def _read(families: Iterable[Family]) -> list[tuple[str, list[tuple[str, str]], float]]:
    return sorted(
        (found.name, sorted(found.labels.items()), float(found.value))
        for family in families
        for found in family.samples
    )

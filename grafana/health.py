"""Exporter health: do polls succeed, is the data fresh, and what does the exporter cost."""

from collections.abc import Iterator

from grafana_foundation_sdk.models import dashboard as models

from grafana import charts, links, measures, panels
from grafana.boards import JOB, ONE_OR_MORE, Section, board, scopes, sources
from grafana.colors import BAD, BLUE, GOOD
from grafana.measures import LIVE, NONE_IS_BETTER, NONE_IS_GOOD
from grafana.panels import TOOL, Panel, Query, Style, Words
from grafana.queries import Facts
from grafana.tables import Column, rows, tools
from grafana.vendors import VENDORS

_SOURCE = "{{source}}"
_CHOSEN = f'{JOB}, source=~"$source"'
_SCOPES = f"max by (source, vendor, scope) (adoption_exporter_scope_success{{{ONE_OR_MORE}}})"
# Process metrics have no label of ours: these are those of the targets that are adoption exporters.
_OURS = f"and on (job, instance) adoption_exporter_build_info{{{JOB}}}"


def health() -> models.Dashboard:
    """The dashboard."""
    facts = Facts(ONE_OR_MORE)
    return board(
        "exporter",
        "Exporter health",
        "Do polls succeed, is the data fresh, what does the exporter cost the vendors and the machine.",
        [sources(several=True), scopes(several=True)],
        [
            Section("", [*_numbers(facts), _table(), _scopes(facts)]),
            Section("Data", [_due(), _revised()]),
            Section("Polls", [_failures(), _duration(), _requests(), _refused()]),
            Section("Machine", [_memory(), _processor(), _pushed()]),
        ],
        since="now-24h",
    )


def _numbers(facts: Facts) -> Iterator[Panel]:
    words = Words(
        "Sources", "Sources that have been polled; one that several replicas show counts once." + LIVE, "none"
    )
    yield panels.number(words, f"count({_of('poll_success')})", width=6)
    words = Words("Failing sources", "Sources whose last poll failed for every scope." + LIVE, "none")
    yield panels.number(words, f"count({_of('poll_success')} == 0) or vector(0)", NONE_IS_GOOD, width=6)
    words = Words("Failing scopes", "Scopes whose last reading failed, those of failing sources too." + LIVE, "none")
    yield panels.number(words, f"count({_SCOPES} == 0) or vector(0)", NONE_IS_GOOD, width=6)
    words = Words(
        "Late scopes",
        "Scopes whose next day is due, and a poll since then did not bring it: the vendor is late." + LIVE,
        "none",
    )
    yield panels.number(words, f"count({measures.late(facts)}) or vector(0)", NONE_IS_BETTER, width=6)
    words = Words(
        "Refused configurations",
        "Exporters that run on with an old configuration: the new one has mistakes." + LIVE,
        "none",
    )
    refused = f"count(adoption_exporter_config_last_reload_successful{{{JOB}}} == 0) or vector(0)"
    yield panels.number(words, refused, NONE_IS_GOOD, width=6)
    words = Words(
        "Exporters without a state", "Exporters that cannot use their state: their polls fail." + LIVE, "none"
    )
    yield panels.number(words, f"count(adoption_exporter_state_up{{{JOB}}} == 0) or vector(0)", NONE_IS_GOOD, width=6)
    words = Words("Adoption series", "Series that are published, of all chosen sources, once." + LIVE, "short")
    yield panels.number(words, f"sum({_of('series')})", width=6)
    words = Words("Version", "What runs; several versions while the replicas of one are updated." + LIVE, "none")
    version = f"max by (version) (adoption_exporter_build_info{{{JOB}}})"
    yield panels.names(words, version, "{{version}}", width=6)


def _table() -> Panel:
    ago = f"time() - {_of('last_success_timestamp_seconds')}"
    dropped = (
        f"sum by (source, vendor) (max by (source, vendor, reason) (adoption_exporter_series_dropped{{{_CHOSEN}}}))"
    )
    columns = [
        Column("Source", label="source", link=links.SOURCE_ROW),
        Column("Vendor", label="vendor", width=110),
        Column("Last poll", _of("poll_success"), words={"0": ("failed", BAD), "1": ("fine", GOOD)}),
        Column("Last success, ago", ago, unit="s"),
        Column("Next poll, in", f"{_of('next_poll_timestamp_seconds')} - time()", unit="s"),
        Column("Poll took", _of("poll_duration_seconds"), unit="s"),
        Column("Series", _of("series"), unit="short"),
        Column("Withheld series", dropped, unit="short"),
        Column("Token expires, in", f"{_of('token_expiry_timestamp_seconds')} - time()", unit="s"),
    ]
    words = Words(
        "Sources at a glance",
        "The last poll of each source. Withheld series: max_series is reached, or a group is too small to be "
        "shown. Token expires: as token_expires_at in the configuration says." + LIVE,
        "none",
    )
    return rows(words, columns, height=11)


def _scopes(facts: Facts) -> Panel:
    due = facts.now("adoption_data_day_due_timestamp_seconds")
    columns = [
        *tools(vendor=110),
        Column("Last reading", _SCOPES, words={"0": ("failed", BAD), "1": ("fine", GOOD)}),
        Column("Newest day", measures.data_day(facts), unit=panels.DATE),
        Column("Next day is due, in", f"{due} - time()", unit="s"),
        Column("Late by", measures.late(facts), unit="s", steps=measures.LATE),
    ]
    words = Words(
        "Scopes at a glance",
        "The last reading of each scope, the newest finished day, and when the day after it is due. Late: it "
        "was due, and a "
        "poll since then did not bring it." + LIVE,
        "none",
    )
    return rows(words, columns, height=11)


def _due() -> Panel:
    words = Words(
        "Time until the next day is due",
        "Of each scope: it falls to zero and jumps up by a day when the vendor has finished a day; below zero "
        "the vendor, or "
        "the next poll, is late." + LIVE,
        panels.HOURS,
    )
    due = "(max by (source, vendor, scope) (adoption_data_day_due_timestamp_seconds{{{}}}) - time()) / 3600"
    return charts.limit(charts.lines(words, *_by_vendor(due, TOOL, ONE_OR_MORE)), 0)


def _revised() -> Panel:
    words = Words(
        "Days revised by vendors",
        "Days whose content changed after they were first published, in the day before each point; of several "
        "replicas the "
        "one that read them." + LIVE,
        "none",
    )
    revised = (
        "sum by (source, vendor) (max by (source, vendor, scope) (increase(adoption_data_revisions_total{{{}}}[1d])))"
    )
    return charts.lines(words, *_by_vendor(revised), link=links.SOURCE)


def _failures() -> Panel:
    words = Words(
        "Failed polls by reason",
        "Polls that failed in the hour before each point. unreachable: network, 5xx; rate_limited: 429; rejected: "
        "other 4xx, a human is needed; payload: an answer that cannot be right; bug: the exporter's own." + LIVE,
        "none",
    )
    failures = "sum by (source, vendor, reason) (increase(adoption_exporter_poll_failures_total{{{}}}[1h])) > 0"
    bars = _by_vendor(failures, _SOURCE + " · {{reason}}", style="stacked")
    return charts.lines(words, *bars, link=links.SOURCE).no_value("no poll failed")


def _duration() -> Panel:
    words = Words(
        "How long polls take", "Duration of the last poll. The first one reads the whole history." + LIVE, "s"
    )
    took = "max by (source, vendor) (adoption_exporter_poll_duration_seconds{{{}}})"
    return charts.lines(words, *_by_vendor(took), link=links.SOURCE)


def _requests() -> Panel:
    words = Words(
        "Requests to vendors",
        "HTTP requests in the hour before each point, retries too: at most 60 times requests_per_minute. "
        "Replicas share "
        "one poll." + LIVE,
        "short",
    )
    requests = "sum by (source, vendor) (increase(adoption_exporter_vendor_requests_total{{{}}}[1h]))"
    return charts.lines(words, *_by_vendor(requests), link=links.SOURCE)


def _refused() -> Panel:
    words = Words(
        "Requests that vendors refused",
        "Answers other than 2xx in the hour before each point; error where no answer came. 429 is a quota that is "
        "nearly spent; a GitLab project without analytics answers 404." + LIVE,
        "short",
    )
    refused = (
        'sum by (source, vendor, code) (increase(adoption_exporter_vendor_requests_total{{{}, code!~"2.."}}[1h])) > 0'
    )
    bars = _by_vendor(refused, _SOURCE + " · {{code}}", style="stacked")
    return charts.lines(words, *bars, link=links.SOURCE).no_value("no request was refused")


def _memory() -> Panel:
    words = Words("Memory", "Resident memory of each exporter process." + LIVE, "bytes")
    return charts.lines(
        words, Query(f"process_resident_memory_bytes {_OURS}", "{{instance}}", BLUE, shades=True, step="1m"), width=8
    )


def _processor() -> Panel:
    words = Words(
        "Processor", "Share of one processor core over five minutes. Polls show, scrapes do not." + LIVE, "percentunit"
    )
    used = f"rate(process_cpu_seconds_total[5m]) {_OURS}"
    return charts.lines(words, Query(used, "{{instance}}", BLUE, shades=True, step="1m"), width=8)


def _pushed() -> Panel:
    words = Words(
        "Pushed over OTLP",
        "Requests to the OTLP collector in the hour before each point. Only with an otlp section." + LIVE,
        "short",
    )
    pushed = f"sum by (instance) (increase(adoption_exporter_otlp_{{}}_total{{{{{JOB}}}}}[1h]))"
    return charts.lines(
        words,
        Query(pushed.format("exports"), "{{instance}} sent", BLUE, step="1m"),
        Query(pushed.format("export_failures"), "{{instance}} not taken", BAD, step="1m"),
        width=8,
    ).no_value("nothing is pushed")


def _by_vendor(expression: str, legend: str = _SOURCE, chosen: str = _CHOSEN, *, style: Style = "line") -> list[Query]:
    """The expression once for each vendor, in its color; its braces take the matchers."""
    return [
        Query(
            expression.format(f'{chosen}, vendor="{vendor.name}"'),
            legend,
            vendor.color,
            style=style,
            step="1m",
        )
        for vendor in VENDORS
    ]


def _of(name: str) -> str:
    """A gauge of each source; of several replicas the largest."""
    return f"max by (source, vendor) (adoption_exporter_{name}{{{_CHOSEN}}})"

"""Exporter health: do polls succeed, is the data fresh, and what does the exporter cost."""

from grafana_foundation_sdk.models import dashboard as models

from grafana import panels
from grafana.boards import Section, board, scopes, sources
from grafana.panels import TOOL, Panel, Query, Steps, Words
from grafana.queries import DATA_DAY, Facts
from grafana.tables import Column, rows

_SOURCE = "{{source}}"
_CHOSEN = 'source=~"$source"'
_LATE_HOURS = 54
_LIVE = " Live series only: backfilled history has none of the exporter itself."
# Process metrics have no label of ours: these are those of the targets that are adoption exporters.
_OURS = "and on (job, instance) adoption_exporter_build_info"
_NONE_IS_GOOD: Steps = ((None, "green"), (1, "red"))


def health() -> models.Dashboard:
    """The dashboard."""
    facts = Facts('source=~"$source", scope=~"$scope"')
    return board(
        "exporter",
        "Exporter health",
        "Do polls succeed, is the data fresh, what does the exporter cost the vendors and the machine.",
        [sources(several=True), scopes(several=True)],
        [
            Section("", [_sources(), _failing(), _late(facts), _reload(), _series(), _version(), _table()]),
            Section("Data", [_age(facts), _revised()]),
            Section("Polls", [_failures(), _duration(), _requests(), _quota()]),
            Section("Machine", [_memory(), _processor(), _pushed()]),
        ],
        since="now-7d",
    )


def _sources() -> Panel:
    words = Words("Sources", "Sources that have been polled." + _LIVE, "none")
    return panels.number(words, f"count({_of('poll_success')})")


def _failing() -> Panel:
    words = Words("Failing sources", "Sources whose last poll failed, in whole or for a scope." + _LIVE, "none")
    return panels.number(words, f"count({_of('poll_success')} == 0) or vector(0)", _NONE_IS_GOOD)


def _late(facts: Facts) -> Panel:
    words = Words(
        "Late scopes",
        "Scopes whose newest finished day began more than 54 hours ago. The vendor is late." + _LIVE,
        "none",
    )
    late = f"count(time() - {facts.now(DATA_DAY)} > {_LATE_HOURS} * 3600) or vector(0)"
    return panels.number(words, late, _NONE_IS_GOOD)


def _reload() -> Panel:
    words = Words(
        "Refused configurations",
        "Exporters that run on with an old configuration: the new one has mistakes." + _LIVE,
        "none",
    )
    refused = "count(adoption_exporter_config_last_reload_successful == 0) or vector(0)"
    return panels.number(words, refused, _NONE_IS_GOOD)


def _series() -> Panel:
    words = Words("Adoption series", "Series that are published, of all chosen sources." + _LIVE, "short")
    return panels.number(words, f"sum({_of('series')})")


def _version() -> Panel:
    words = Words("Version", "What runs; several while replicas are updated." + _LIVE, "none")
    return panels.names(words, "max by (version) (adoption_exporter_build_info)", "{{version}}")


def _table() -> Panel:
    ago = f"time() - {_of('last_success_timestamp_seconds')}"
    dropped = (
        f"sum by (source, vendor) (max by (source, vendor, reason) (adoption_exporter_series_dropped{{{_CHOSEN}}}))"
    )
    columns = [
        Column("Source", label="source"),
        Column("Vendor", label="vendor"),
        Column("Last poll", _of("poll_success"), words={"0": ("failed", "red"), "1": ("fine", "green")}),
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
        "shown. Token expires: as token_expires_at in the configuration says." + _LIVE,
        "none",
    )
    return rows(words, columns, height=8)


def _age(facts: Facts) -> Panel:
    words = Words(
        "Age of the newest data",
        "Time since the newest finished day of each scope began. A tooth a day is normal, from 24 hours plus "
        "ready_at to 48 hours more than it; above the line at 54 hours the vendor is late.",
        panels.HOURS,
    )
    age = f"(time() - max by (source, vendor, scope) ({DATA_DAY}{{{facts.chosen}}})) / 3600"
    return panels.limit(panels.lines(words, Query(age, TOOL, step="1m")), _LATE_HOURS)


def _revised() -> Panel:
    words = Words(
        "Days revised by vendors",
        "Days whose content changed after they were first published, in the day before each point." + _LIVE,
        "none",
    )
    revised = f"sum by (source) (increase(adoption_data_revisions_total{{{_CHOSEN}}}[1d]))"
    return panels.lines(words, Query(revised, _SOURCE, step="1m"))


def _failures() -> Panel:
    words = Words(
        "Failed polls by reason",
        "Polls that failed in the hour before each point. unreachable: network, 5xx; rate_limited: 429; rejected: "
        "other 4xx, a human is needed; payload: an answer that cannot be right; bug: the exporter's own." + _LIVE,
        "none",
    )
    failures = f"sum by (source, reason) (increase(adoption_exporter_poll_failures_total{{{_CHOSEN}}}[1h])) > 0"
    bars = Query(failures, _SOURCE + " · {{reason}}", style="bars", step="1m")
    return panels.lines(words, bars).no_value("no poll failed")


def _duration() -> Panel:
    words = Words(
        "How long polls take", "Duration of the last poll. The first one reads the whole history." + _LIVE, "s"
    )
    return panels.lines(words, Query(_of("poll_duration_seconds"), _SOURCE, step="1m"))


def _requests() -> Panel:
    words = Words("Requests to vendors", "HTTP requests in the hour before each point, retries too." + _LIVE, "short")
    requests = f"sum by (source) (increase(adoption_exporter_vendor_requests_total{{{_CHOSEN}}}[1h]))"
    return panels.lines(words, Query(requests, _SOURCE, step="1m"))


def _quota() -> Panel:
    words = Words(
        "Requests that vendors refused",
        "Answers other than 2xx in the hour before each point; error where no answer came. 429 is a quota that is "
        "nearly spent; a GitLab project without analytics answers 404." + _LIVE,
        "short",
    )
    refused = (
        f'sum by (source, code) (increase(adoption_exporter_vendor_requests_total{{{_CHOSEN}, code!~"2.."}}[1h])) > 0'
    )
    return panels.lines(words, Query(refused, _SOURCE + " · {{code}}", style="bars", step="1m"))


def _memory() -> Panel:
    words = Words("Memory", "Resident memory of each exporter process." + _LIVE, "bytes")
    return panels.lines(words, Query(f"process_resident_memory_bytes {_OURS}", "{{instance}}", step="1m"), width=8)


def _processor() -> Panel:
    words = Words(
        "Processor", "Share of one processor core over five minutes. Polls show, scrapes do not." + _LIVE, "percentunit"
    )
    used = f"rate(process_cpu_seconds_total[5m]) {_OURS}"
    return panels.lines(words, Query(used, "{{instance}}", step="1m"), width=8)


def _pushed() -> Panel:
    words = Words(
        "Pushed over OTLP",
        "Requests to the OTLP collector in the hour before each point. Only with an otlp section." + _LIVE,
        "short",
    )
    pushed = "sum by (instance) (increase(adoption_exporter_otlp_{}_total[1h]))"
    return panels.lines(
        words,
        Query(pushed.format("exports"), "{{instance}} sent", step="1m"),
        Query(pushed.format("export_failures"), "{{instance}} not taken", "red", step="1m"),
        width=8,
    ).no_value("nothing is pushed")


def _of(name: str) -> str:
    """A gauge of each source; of several replicas the largest."""
    return f"max by (source, vendor) (adoption_exporter_{name}{{{_CHOSEN}}})"

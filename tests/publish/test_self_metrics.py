from datetime import UTC, datetime

import pytest

from exporter.errors import Failure
from exporter.publish.prometheus import Format, render_collector
from exporter.publish.self_metrics import SelfMetrics
from exporter.state.store import PollStatus

NOW = datetime(2026, 3, 10, 3, tzinfo=UTC)
SUCCESS = PollStatus(ended=1_000.5, duration=2.5, last_success=1_000.5)
FAILURE = PollStatus(ended=2_000.5, duration=0.5, last_success=1_000.5, failure=Failure("rate_limited", "429"))
SEEDED = {
    'polls_total{source="acme",vendor="augment"}': 0.0,
    'poll_failures_total{reason="unreachable",source="acme",vendor="augment"}': 0.0,
    'poll_failures_total{reason="rate_limited",source="acme",vendor="augment"}': 0.0,
    'poll_failures_total{reason="rejected",source="acme",vendor="augment"}': 0.0,
    'poll_failures_total{reason="payload",source="acme",vendor="augment"}': 0.0,
    'poll_failures_total{reason="bug",source="acme",vendor="augment"}': 0.0,
    'series{source="acme",vendor="augment"}': 0.0,
    'series_dropped{reason="day_series",source="acme",vendor="augment"}': 0.0,
    'series_dropped{reason="max_series",source="acme",vendor="augment"}': 0.0,
    'series_dropped{reason="privacy",source="acme",vendor="augment"}': 0.0,
    'series_shortened{source="acme",vendor="augment"}': 0.0,
}


def shown(self_metrics: SelfMetrics, about: str = "source=") -> dict[str, float]:
    """The exporter's own series that hold a word, as a scrape shows them, which keeps what it wrote before."""
    lines = self_metrics.render("text").decode().splitlines()
    anew = render_collector(self_metrics.registry, "text").decode().splitlines()
    own = [sorted(line for line in some if "adoption_exporter_" in line) for some in (lines, anew)]
    assert own[0] == own[1]
    found = dict(line.rsplit(" ", 1) for line in lines if line.startswith("adoption_exporter_") and about in line)
    return {name.removeprefix("adoption_exporter_"): float(value) for name, value in found.items()}


def test_a_source_begins_with_every_reason_at_zero_and_nothing_about_a_poll_before_the_first() -> None:
    self_metrics = SelfMetrics()
    self_metrics.source("acme", "augment")

    assert shown(self_metrics) == SEEDED


def test_a_successful_poll_and_a_failed_one_are_shown_and_counted() -> None:
    self_metrics = SelfMetrics()
    acme = self_metrics.source("acme", "augment")

    acme.polled(SUCCESS)
    after_success = shown(self_metrics)
    acme.polled(FAILURE)

    assert after_success == {
        **SEEDED,
        'polls_total{source="acme",vendor="augment"}': 1.0,
        'poll_success{source="acme",vendor="augment"}': 1.0,
        'poll_duration_seconds{source="acme",vendor="augment"}': 2.5,
        'last_poll_timestamp_seconds{source="acme",vendor="augment"}': 1_000.5,
        'last_success_timestamp_seconds{source="acme",vendor="augment"}': 1_000.5,
    }
    assert shown(self_metrics) == {
        **SEEDED,
        'polls_total{source="acme",vendor="augment"}': 2.0,
        'poll_failures_total{reason="rate_limited",source="acme",vendor="augment"}': 1.0,
        'poll_success{source="acme",vendor="augment"}': 0.0,
        'poll_duration_seconds{source="acme",vendor="augment"}': 0.5,
        'last_poll_timestamp_seconds{source="acme",vendor="augment"}': 2_000.5,
        'last_success_timestamp_seconds{source="acme",vendor="augment"}': 1_000.5,
    }


def test_what_the_state_remembers_is_shown_and_not_counted() -> None:
    self_metrics = SelfMetrics()

    self_metrics.source("acme", "augment").restore(FAILURE)

    assert shown(self_metrics) == {
        **SEEDED,
        'poll_success{source="acme",vendor="augment"}': 0.0,
        'poll_duration_seconds{source="acme",vendor="augment"}': 0.5,
        'last_poll_timestamp_seconds{source="acme",vendor="augment"}': 2_000.5,
        'last_success_timestamp_seconds{source="acme",vendor="augment"}': 1_000.5,
    }


def test_a_source_that_never_succeeded_has_no_moment_of_success() -> None:
    self_metrics = SelfMetrics()

    self_metrics.source("acme", "augment").polled(PollStatus(1.0, 1.0, None, Failure("bug", "IndexError")))

    assert 'last_success_timestamp_seconds{source="acme",vendor="augment"}' not in shown(self_metrics)


def test_requests_series_and_coming_moments_are_shown() -> None:
    self_metrics = SelfMetrics()
    acme = self_metrics.source("acme", "augment")

    for status in (200, 200, None):
        acme.request(status)
    acme.series(7, {"max_series": 3}, 2)
    acme.next_poll(NOW)
    acme.token_expires(NOW)

    assert shown(self_metrics) == {
        **SEEDED,
        'vendor_requests_total{code="200",source="acme",vendor="augment"}': 2.0,
        'vendor_requests_total{code="error",source="acme",vendor="augment"}': 1.0,
        'series{source="acme",vendor="augment"}': 7.0,
        'series_dropped{reason="max_series",source="acme",vendor="augment"}': 3.0,
        'series_shortened{source="acme",vendor="augment"}': 2.0,
        'next_poll_timestamp_seconds{source="acme",vendor="augment"}': NOW.timestamp(),
        'token_expiry_timestamp_seconds{source="acme",vendor="augment"}': NOW.timestamp(),
    }


def test_a_source_that_is_to_run_with_another_configuration_keeps_its_numbers_until_then() -> None:
    self_metrics = SelfMetrics()
    running = self_metrics.source("acme", "augment")
    running.series(123, {"max_series": 5, "privacy": 2}, 1)
    running.polled(SUCCESS)
    before = shown(self_metrics)

    self_metrics.source("acme", "augment")

    assert shown(self_metrics) == before


def test_a_forgotten_source_is_gone_and_leaves_the_others() -> None:
    self_metrics = SelfMetrics()
    self_metrics.source("acme", "augment")
    other = self_metrics.source("other", "gitlab")
    other.request(200)
    other.polled(FAILURE)

    self_metrics.forget("other", "gitlab")
    self_metrics.forget("nobody", "gitlab")

    assert shown(self_metrics) == SEEDED


def test_a_configuration_with_a_mistake_keeps_the_moment_of_the_last_good_one() -> None:
    self_metrics = SelfMetrics()

    self_metrics.reloaded(ok=True, at=NOW)
    good = shown(self_metrics, "config_last_reload")
    self_metrics.reloaded(ok=False, at=datetime(2030, 1, 1, tzinfo=UTC))

    assert good == {
        "config_last_reload_successful": 1.0,
        "config_last_reload_success_timestamp_seconds": NOW.timestamp(),
    }
    assert shown(self_metrics, "config_last_reload") == {**good, "config_last_reload_successful": 0.0}


def test_the_exporter_says_its_version_and_what_its_process_uses() -> None:
    text = render_collector(SelfMetrics().registry, "text").decode()

    assert 'adoption_exporter_build_info{python_version="' in text
    for name in ("process_resident_memory_bytes", "process_open_fds", "python_info", "python_gc_collections_total"):
        assert f"# TYPE {name} " in text


@pytest.mark.parametrize("form", ["text", "openmetrics"])
def test_counters_have_no_created_series(form: Format) -> None:
    self_metrics = SelfMetrics()
    self_metrics.source("acme", "augment").polled(SUCCESS)

    assert b"_created" not in render_collector(self_metrics.registry, form)

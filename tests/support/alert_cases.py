"""What the rules make of recorded scrapes: a promtool test that says when each alert is told, and that no other is."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cache, partial
from itertools import groupby
from pathlib import Path
from typing import Any

import yaml

from tests.support import promql, real_servers
from tests.support.scripted import SOURCE, Frame, Scripted

RULES = Path(__file__).parents[2] / "prometheus"
FILES = (RULES / "recording.yaml", RULES / "alerts.yaml")
ORDER = ("adoption_recording", "adoption", "adoption_data", "adoption_exporter")
JOB = "adoption"

# What tells one alert of a test from another.
_BY = ("alertname", "job", "scope", "source", "team")
_FIRING = f'sum by ({", ".join(_BY)}) (ALERTS{{alertstate="firing"}})'


@dataclass(frozen=True)
class Heard:
    """What scrapes of one exporter found, one every `step` from `start` on, and the labels that they got."""

    start: datetime
    step: timedelta
    frames: Sequence[Frame]
    target: Mapping[str, str] = field(default_factory=lambda: {"job": JOB, "instance": "a"})

    def series(self, metrics: frozenset[str]) -> Iterator[dict[str, str]]:
        """Series of a test for promtool, where the first scrape is at 0: so is every moment that a series tells."""
        names = sorted({name for frame in self.frames for name in frame if name.partition("{")[0] in metrics})
        labels = ",".join(f'{label}="{value}"' for label, value in self.target.items())
        for name in names:
            metric, _, own = name.removesuffix("}").partition("{")
            zero = self.start.timestamp() if metric.endswith("_timestamp_seconds") else 0.0
            values = [frame[name] - zero if name in frame else None for frame in self.frames]
            whole = f"{metric}{{{','.join(filter(None, (own, labels)))}}}"
            yield {"series": whole, "values": " ".join(_written(values))}


@dataclass(frozen=True)
class Told:
    """An alert that fires from a moment to another, at which it no longer does, or to the end.

    `scope` and `team` are its labels. `says` is its summary and its description when it begins, and `severity` is
    needed where that is given.
    """

    alert: str
    since: datetime
    until: datetime | None = None
    scope: str = ""
    team: str = ""
    job: str = JOB
    source: str = SOURCE
    severity: str = "warning"
    says: tuple[str, str] | None = None

    def key(self) -> tuple[str, ...]:
        """The values of the labels that tell it from others."""
        return self.alert, self.job, self.scope, self.source, self.team


def polled(exporter: Scripted) -> Heard:
    """What is heard of a running exporter."""
    return Heard(exporter.start, exporter.step, list(exporter.polled()))


def backfilled(exporter: Scripted) -> Heard:
    """What would have been heard of an exporter about adoption."""
    return Heard(exporter.start, exporter.step, list(exporter.backfilled()))


def check(heard: Heard | Sequence[Heard], told: Sequence[Told], folder: Path) -> None:
    """Asserts that these alerts fire at these moments, and no others at any."""
    every = [heard] if isinstance(heard, Heard) else heard
    # JSON is YAML, and a long case takes seconds to be written as anything else.
    file = folder / "case.json"
    file.write_text(json.dumps(case(every, told)))
    tested = real_servers.promtool("test", "rules", file)
    assert tested.returncode == 0, tested.stdout + tested.stderr


def case(heard: Sequence[Heard], told: Sequence[Told]) -> dict[str, Any]:
    """A file for `promtool test rules`: every edge of every alert, and for how long each of them fired in all."""
    start, step = heard[0].start, heard[0].step
    last = max(len(one.frames) for one in heard) - 1
    firing: list[Counter[tuple[str, ...]]] = [Counter() for _ in range(last + 1)]
    edges: set[int] = set()
    for one in told:
        first = (one.since - start) // step
        end = last + 1 if one.until is None else (one.until - start) // step
        edges |= {first - 1, first, end - 1, end}
        for number in range(first, end):
            firing[number][one.key()] += 1
    # Prometheus 3 leaves out what is as old as the range.
    ever = _seconds(last * step + timedelta(seconds=1))
    whole = f'sum by ({", ".join(_BY)}) (count_over_time(ALERTS{{alertstate="firing"}}[{ever}]))'
    return {
        "rule_files": [str(file) for file in FILES],
        "evaluation_interval": _seconds(step),
        "group_eval_order": list(ORDER),
        "tests": [
            {
                "interval": _seconds(step),
                "input_series": [series for one in heard for series in one.series(metrics())],
                "promql_expr_test": [
                    *(_expected(_FIRING, n * step, firing[n]) for n in sorted(edges) if 0 <= n <= last),
                    _expected(whole, last * step, sum(firing, Counter())),
                ],
                "alert_rule_test": [_said(one, start) for one in told if one.says],
            }
        ],
    }


@cache
def rules() -> Sequence[dict[str, Any]]:
    """Every rule."""
    groups = [group for file in FILES for group in yaml.safe_load(file.read_text())["groups"]]
    return [rule for group in groups for rule in group["rules"]]


@cache
def metrics() -> frozenset[str]:
    """The metrics that the rules look at."""
    named = [text for rule in rules() for text in (rule["expr"], *rule.get("annotations", {}).values())]
    own = frozenset(selector.metric for rule in rules() for selector in promql.selectors(rule["expr"]))
    asked = ("adoption_exporter_last_success_timestamp_seconds", "adoption_exporter_poll_failures_total")
    return own | {metric for metric in asked if any(metric in text for text in named)}


def _said(told: Told, start: datetime) -> dict[str, Any]:
    """What an alert says when it begins. Promtool's time begins with 1970, so its days are others."""
    assert told.says is not None
    (rule,) = (rule for rule in rules() if rule.get("alert") == told.alert)
    of_source = {"source": told.source, "vendor": "sourcegraph"} if told.source else {}
    window = {"AdoptionSliding": "28d", "AdoptionWeeklyDrop": "7d"}.get(told.alert, "")
    of_scope = {"scope": told.scope, "team": told.team, "window": window}
    labels = {"job": told.job, "severity": told.severity, **of_source, **of_scope}
    summary, description = (re.sub(r"\b\d{4}-\d\d-\d\d\b", partial(_moved, start), text) for text in told.says)
    links = {
        name: rule["annotations"][name].replace("{{ $labels.source }}", told.source)
        for name in ("runbook_url", "dashboard_url")
    }
    expected = {
        "exp_labels": {name: value for name, value in labels.items() if value},
        "exp_annotations": {"summary": summary, "description": description, **links},
    }
    return {"eval_time": _seconds(told.since - start), "alertname": told.alert, "exp_alerts": [expected]}


def _moved(start: datetime, day: re.Match[str]) -> str:
    return str(date(1970, 1, 1) + (date.fromisoformat(day[0]) - start.date()))


def _expected(expression: str, at: timedelta, found: Counter[tuple[str, ...]]) -> dict[str, Any]:
    samples = []
    for key, number in sorted(found.items()):
        labels = ",".join(f'{name}="{value}"' for name, value in zip(_BY, key, strict=True) if value)
        samples.append({"labels": f"{{{labels}}}", "value": number})
    return {"expr": expression, "eval_time": _seconds(at), "exp_samples": samples}


def _written(values: Sequence[float | None]) -> Iterator[str]:
    """Values in promtool's notation. A series that ends is stale, as a scrape makes it."""
    before: float | None = None
    for value, run in groupby(values):
        more = len(list(run)) - 1
        if value is None:
            first = "_" if before is None else "stale"
            # `_x3` is three of them, where `1x3` is four.
            yield f"{first} _x{more}" if more else first
        else:
            yield f"{value!r}x{more}"
        before = value


def _seconds(span: timedelta) -> str:
    return f"{span // timedelta(seconds=1)}s"

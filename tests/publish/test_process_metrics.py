"""The process metrics, beside those of prometheus_client."""

from pathlib import Path

import pytest
from prometheus_client import ProcessCollector
from prometheus_client.core import Metric

from exporter.publish import process_metrics
from exporter.publish.process_metrics import ProcessMetrics


def values(families: list[Metric]) -> dict[str, float]:
    return {sample.name: sample.value for family in families for sample in family.samples}


def test_they_are_those_of_the_library_to_the_name_and_the_help() -> None:
    ours, theirs = list(ProcessMetrics().collect()), list(ProcessCollector(registry=None).collect())
    about = [[(family.name, family.type, family.documentation) for family in families] for families in (ours, theirs)]
    mine, other = values(ours), values(theirs)

    assert about[0] == about[1]
    assert list(mine) == list(other)
    for name in ("process_start_time_seconds", "process_max_fds"):
        assert mine[name] == other[name]
    for name in ("process_virtual_memory_bytes", "process_resident_memory_bytes", "process_cpu_seconds_total"):
        assert mine[name] == pytest.approx(other[name], rel=0.2)


def test_files_are_counted_as_they_are_opened_and_closed(tmp_path: Path) -> None:
    def count() -> float:
        return values(list(ProcessMetrics().collect()))["process_open_fds"]

    before = count()
    with (tmp_path / "file").open("w"):
        assert count() == before + 1
    assert count() == before


def test_an_older_linux_has_the_number_of_files_in_their_list_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    # It lists the same files, and its size is 0.
    monkeypatch.setattr(process_metrics, "_FILES", Path("/proc/self/fdinfo"))
    listed = len(list(Path("/proc/self/fdinfo").iterdir()))

    assert values(list(ProcessMetrics().collect()))["process_open_fds"] == listed


def test_a_file_that_cannot_be_opened_costs_its_own_metrics(monkeypatch: pytest.MonkeyPatch) -> None:
    every = values(list(ProcessMetrics().collect())).keys()
    metrics = ProcessMetrics()
    monkeypatch.setattr(process_metrics, "_MEMORY", Path("/nowhere"))
    monkeypatch.setattr(process_metrics, "_FILES", Path("/nowhere"))

    assert every - values(list(metrics.collect())).keys() == {
        "process_virtual_memory_bytes",
        "process_resident_memory_bytes",
        "process_open_fds",
    }


def test_there_are_none_without_proc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        process_metrics, "ProcessCollector", lambda registry: ProcessCollector(proc="/nowhere", registry=registry)
    )

    assert list(ProcessMetrics().collect()) == []

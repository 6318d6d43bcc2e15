"""The page of figures, and what makes a figure met or missed."""

from importlib import import_module
from pathlib import Path

import pytest

from benchmarks import __main__ as all_benchmarks
from benchmarks.claim import Baseline, Figure, line, report

FASTER = Figure("a report", 2.0, "s CPU", most_ratio=0.5, baseline=Baseline("csv", 10.0))
LARGER = Figure("memory", 1234.5, "MiB", most=350, note="the table is held twice")
MORE = Figure("days a second", 120.0, "days/s", least=100)
UNMEASURED = Figure("a scrape", None, "ms", most_ratio=3, note="needs nginx")


def test_a_figure_meets_its_goals_or_misses_one() -> None:
    assert [figure.verdict for figure in (FASTER, LARGER, MORE, UNMEASURED)] == ["met", "missed", "met", "not measured"]
    assert Figure("size", 3.0, "MiB").verdict == ""


def test_a_figure_is_a_line_on_a_terminal() -> None:
    assert [line(figure) for figure in (FASTER, LARGER, UNMEASURED)] == [
        "    2.00 s CPU  met           a report; at most 0.5 times the baseline; 0.20 times csv (10.0 s CPU)",
        "     1,234 MiB  missed        memory; at most 350 MiB; the table is held twice",
        "             -  not measured  a scrape; at most 3 times the baseline; needs nginx",
    ]


def test_a_report_fails_for_a_missed_goal_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert report([FASTER, UNMEASURED]) == 0
    assert report([FASTER, LARGER]) == 1
    assert len(capsys.readouterr().out.splitlines()) == 4


def test_the_page_has_a_table_for_each_benchmark_and_names_what_was_missed() -> None:
    page = all_benchmarks.document({"publishing": [FASTER, LARGER, UNMEASURED]}, "2 cores")
    assert page.split("other machine;")[0].startswith("# Performance\n\nWritten by `python -m benchmarks` on 2 cores.")
    assert page[page.index("## ") :].splitlines() == [
        "## What a publication costs",
        "",
        "`python -m benchmarks.publishing`",
        "",
        "| claim | figure | goal | baseline | times the baseline | verdict |",
        "| --- | --- | --- | --- | --- | --- |",
        "| a report | 2.00 s CPU | at most 0.5 times the baseline | csv: 10.0 s CPU | 0.20 | met |",
        "| memory | 1,234 MiB | at most 350 MiB |  |  | **missed** |",
        "| a scrape |  | at most 3 times the baseline |  |  | not measured |",
        "",
        "* memory: the table is held twice.",
        "* a scrape: needs nginx.",
        "",
        "## Missed goals",
        "",
        "* What a publication costs: memory: the table is held twice.",
    ]


def test_every_benchmark_of_the_page_can_be_run() -> None:
    for name in all_benchmarks.CLAIMS:
        assert callable(import_module(f"benchmarks.{name}").measure)
        assert (Path("benchmarks") / f"{name}.py").is_file()

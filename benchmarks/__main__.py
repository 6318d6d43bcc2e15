"""Runs every benchmark, prints its figures and writes docs/performance.md.

    python -m benchmarks [NAME …]

Each runs in a fresh process, one after the other, as `python -m benchmarks.NAME` does. With names, only those run and
the page stays as it is. Wall-clock figures mean little while the machine does anything else. Exits with 1 where a goal
is missed or a benchmark fails.
"""

import argparse
import multiprocessing
import os
import platform
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from benchmarks.claim import Figure, amount, line, measured

PAGE = Path(__file__).parents[1] / "docs" / "performance.md"
# What each module measures, in the order of the page.
CLAIMS: Mapping[str, str] = {
    "scrape": "A scrape beside nginx, prometheus_client and client_golang",
    "publishing": "What a publication costs",
    "start": "A start, and scrapes during publications",
    "gitlab": "A thousand GitLab projects within the budget of requests",
    "memory": "What a daemon holds in memory",
    "csv": "How fast Sourcegraph's reports are read",
    "copilot": "Scrapes while large reports of Copilot are read",
    "coder_classic": "Scrapes while large answers of a Coder v1 are read",
    "otlp": "OTLP pushes beside the SDK's",
    "backfill": "History from the state",
    "company": "What the company costs",
}
_HEAD = """# Performance

Written by `python -m benchmarks` on {machine}. Every row is a promise to be measured again: the command above a table
runs its rows alone. A ratio compares with the named baseline in the same run, and is what to look at on another
machine; seconds of CPU come second, and wall-clock time means little on a machine that does anything else.
"""
_COLUMNS = ("claim", "figure", "goal", "baseline", "times the baseline", "verdict")


def in_a_process(name: str) -> list[Figure]:
    """The figures of one benchmark, measured in a fresh process. One that fails is a row that says so."""
    print(f"\n{CLAIMS[name]}: python -m benchmarks.{name}", flush=True)
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        try:
            return pool.submit(measured, name).result()
        except Exception as error:
            failed = Figure(CLAIMS[name], None, "", note=f"failed: {type(error).__name__}: {error}")
            print(line(failed), flush=True)
            return [failed]


def machine() -> str:
    """What the figures were measured on."""
    system = platform.freedesktop_os_release()
    cpu, python = platform.machine().replace("_", "-"), platform.python_version()
    return f"{os.cpu_count()} cores, {cpu}, {system['NAME'].split()[0]} {system['VERSION_ID']}, Python {python}"


def document(found: Mapping[str, Sequence[Figure]], on: str) -> str:
    """The page: a table for each benchmark, and the missed goals with their causes."""
    lines = _HEAD.format(machine=on).splitlines()
    for name, rows in found.items():
        lines += ["", f"## {CLAIMS[name]}", "", f"`python -m benchmarks.{name}`", ""]
        lines += [_row(_COLUMNS), _row(["---"] * len(_COLUMNS)), *map(_cells, rows)]
        notes = [f"* {figure.claim}: {figure.note}." for figure in rows if figure.note]
        lines += ["", *notes] if notes else []
    return "\n".join([*lines, "", "## Missed goals", "", *_missed(found), ""])


def _cells(figure: Figure) -> str:
    ratio, baseline = figure.ratio, figure.baseline
    return _row(
        (
            figure.claim,
            "" if figure.value is None else amount(figure.value, figure.unit),
            figure.goal,
            "" if baseline is None else f"{baseline.name}: {amount(baseline.value, figure.unit)}",
            "" if ratio is None else f"{ratio:.2f}",
            f"**{figure.verdict}**" if figure.verdict == "missed" else figure.verdict,
        )
    )


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _missed(found: Mapping[str, Sequence[Figure]]) -> Iterator[str]:
    missed = [(name, figure) for name, rows in found.items() for figure in rows if figure.verdict == "missed"]
    for name, figure in missed:
        yield f"* {CLAIMS[name]}: {figure.claim}" + (f": {figure.note}." if figure.note else ".")
    if not missed:
        yield "None."


def main(arguments: Sequence[str]) -> int:
    """Runs the named benchmarks, or all and then writes the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(CLAIMS))
    names: list[str] = parser.parse_args(arguments).names
    unknown = sorted(set(names) - CLAIMS.keys())
    if unknown:
        parser.error(f"no benchmark of the name {', '.join(unknown)}; there are {', '.join(CLAIMS)}")
    found = {name: in_a_process(name) for name in names or CLAIMS}
    if not names:
        PAGE.write_text(document(found, machine()))
    rows = [figure for some in found.values() for figure in some]
    return int(any(figure.verdict == "missed" or figure.note.startswith("failed: ") for figure in rows))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""What a benchmark measures: a figure, its goal, and a baseline of the same run.

Each module of this folder has `measure()`, which takes no arguments and yields a Figure for each claim, and prints
them by `report(measure())` when it is run by itself. `python -m benchmarks` runs them all.
"""

import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from time import process_time


@dataclass(frozen=True)
class Baseline:
    """What a figure is compared with, measured in the same run and in the same unit."""

    name: str
    value: float


@dataclass(frozen=True)
class Figure:
    """A measured value in a unit, None where it was not measured; `note` says why, or what explains it.

    `most` and `least` are goals for the value, `most_ratio` is one for its ratio to the baseline.
    """

    claim: str
    value: float | None
    unit: str
    most: float | None = None
    least: float | None = None
    most_ratio: float | None = None
    baseline: Baseline | None = None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """The value as a multiple of the baseline."""
        return None if self.value is None or self.baseline is None else self.value / self.baseline.value

    @property
    def verdict(self) -> str:
        """`met`, `missed`, `not measured`, or nothing where there is no goal."""
        if self.value is None:
            return "not measured"
        goals = [
            *([] if self.most is None else [self.value <= self.most]),
            *([] if self.least is None else [self.value >= self.least]),
            *([] if self.most_ratio is None or self.ratio is None else [self.ratio <= self.most_ratio]),
        ]
        if not goals:
            return ""
        return "met" if all(goals) else "missed"

    @property
    def goal(self) -> str:
        """The goals in words."""
        goals = [
            *([] if self.most is None else [f"at most {amount(self.most, self.unit)}"]),
            *([] if self.least is None else [f"at least {amount(self.least, self.unit)}"]),
            *([] if self.most_ratio is None else [f"at most {self.most_ratio:g} times the baseline"]),
        ]
        return ", ".join(goals)


def amount(value: float, unit: str) -> str:
    """A value with its unit, with as many digits as can be compared between runs."""
    digits = next((digits for digits, least in enumerate((100, 10, 0.1)) if abs(value) >= least), 3)
    return f"{value:,.{digits}f}{'' if unit == '%' else ' '}{unit}" if value else f"0{'' if unit == '%' else ' '}{unit}"


# Not in `__main__`, which processes of multiprocessing do not import.
def measured(name: str) -> list[Figure]:
    """The figures of one benchmark, printed as they come."""
    found = []
    for figure in import_module(f"benchmarks.{name}").measure():
        print(line(figure), flush=True)
        found.append(figure)
    return found


def report(figures: Iterable[Figure]) -> int:
    """Prints the figures as they come; gives 1 where a goal is missed."""
    missed = False
    for figure in figures:
        print(line(figure), flush=True)
        missed |= figure.verdict == "missed"
    return int(missed)


def line(figure: Figure) -> str:
    """A figure for a terminal."""
    value = "-" if figure.value is None else amount(figure.value, figure.unit)
    parts = [figure.claim, figure.goal]
    if figure.baseline is not None:
        ratio = "" if figure.ratio is None else f"{figure.ratio:.2f} times "
        parts.append(f"{ratio}{figure.baseline.name} ({amount(figure.baseline.value, figure.unit)})")
    parts.append(figure.note)
    return f"{value:>14}  {figure.verdict:<12}  {'; '.join(part for part in parts if part)}"


def missing(*programs: str) -> str:
    """Which of these programs are not installed, as a note; empty where all are."""
    absent = [program for program in programs if shutil.which(program) is None]
    return f"needs {', '.join(absent)}" if absent else ""


def cpu_seconds(work: Callable[[], object]) -> float:
    """CPU seconds of a call in this process."""
    began = process_time()
    work()
    return process_time() - began


def peak_mib(process: int | str = "self") -> float:
    """The most memory that a process has held. Not by getrusage, which begins with its parent's."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:"))

"""Holds the rules of the repository that neither ruff nor mypy knows."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
MODULES = sorted((CHECKOUT / "exporter").rglob("*.py"))
MOST_LINES = 300

# Where somebody's machine shows: home and scratch folders, and the hosts of package registries and their mirrors.
MACHINE = re.compile(
    r"(?<![\w.])/(?:work|farm|root|tmp|home|Users)/[a-z]"
    r"|pypi\.org|pythonhosted\.org|registry\.npmjs\.|\bdeb\.debian\.org|proxy\.golang\.org|--(?:extra-)?index-url"
)


def test_no_module_is_longer_than_300_lines() -> None:
    lengths = {name(path): len(path.read_text().splitlines()) for path in MODULES}

    assert {file: lines for file, lines in lengths.items() if lines > MOST_LINES} == {}


def test_every_module_says_what_it_is_for() -> None:
    assert [name(path) for path in MODULES if not ast.get_docstring(parse(path))] == []


def test_no_module_makes_a_zero_out_of_something_absent() -> None:
    found = [f"{name(path)}:{line}" for path in MODULES for line in invented_zeros(parse(path))]

    assert found == []


@pytest.mark.parametrize("code", ["row.get('n', 0)", "row.get('n', default=0.0)", "n or 0", "x = a or b or Decimal(0)"])
def test_an_invented_zero_is_seen(code: str) -> None:
    assert list(invented_zeros(ast.parse(code))) == [1]


@pytest.mark.parametrize("code", ["row['n']", "row.get('n')", "row.get('n', 1)", "row.get(0)", "0 or n", "n or False"])
def test_other_code_is_no_invented_zero(code: str) -> None:
    assert list(invented_zeros(ast.parse(code))) == []


def test_no_module_asks_for_the_local_time() -> None:
    found = [f"{name(path)}:{line}" for path in MODULES for line in local_times(parse(path))]

    assert found == []


@pytest.mark.parametrize(
    "code",
    [
        "moment.astimezone()",
        "time.localtime(0)",
        "get_localzone()",
        "IntervalTrigger(seconds=1)",
        "CronTrigger.from_crontab(x)",
    ],
)
def test_a_question_for_the_local_time_is_seen(code: str) -> None:
    assert list(local_times(ast.parse(code))) == [1]


@pytest.mark.parametrize("code", ["moment.astimezone(UTC)", "IntervalTrigger(timezone=UTC)", "time.gmtime(0)"])
def test_a_question_for_the_time_of_a_named_zone_is_fine(code: str) -> None:
    assert list(local_times(ast.parse(code))) == []


def test_the_time_comes_into_tests_in_one_place() -> None:
    """Whoever needs it finds beside it what makes a test the same on every date."""
    reads = re.compile(r"\b(date(time)?\.(now|utcnow|today)\(|time\.time(_ns)?\()")
    clocks = {path.name for path in (CHECKOUT / "tests").rglob("*.py") if reads.search(path.read_text())}

    assert clocks - {Path(__file__).name} == {"companies.py"}


@pytest.mark.skipif(not (CHECKOUT / ".git").exists(), reason="not a git checkout")
def test_no_tracked_file_names_a_machine_or_a_registry() -> None:
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listing, cwd=CHECKOUT, capture_output=True, check=True, text=True).stdout.split("\0")
    paths = [CHECKOUT / file for file in names if file]
    found = [
        f"{name(path)}:{number}: {line.strip()[:80]}"
        for path in paths
        if path.is_file() and path != Path(__file__)
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), start=1)
        if MACHINE.search(line)
    ]

    assert found == []


def invented_zeros(tree: ast.AST) -> Iterator[int]:
    """The lines where `get`, `pop`, `setdefault` or `or` puts a zero in place of something absent."""
    for node in ast.walk(tree):
        if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.Or) and is_zero(node.values[-1]):
            yield node.lineno
        if isinstance(node, ast.Call) and called(node) in {"get", "pop", "setdefault"}:
            defaults = [*node.args[1:], *(keyword.value for keyword in node.keywords)]
            if any(is_zero(default) for default in defaults):
                yield node.lineno


def local_times(tree: ast.AST) -> Iterator[int]:
    """The lines that ask for the zone of the machine, where ruff's DTZ does not see it; APScheduler does by default."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        zoned = any(keyword.arg == "timezone" for keyword in node.keywords)
        asks = called(node) in {"localtime", "mktime", "ctime", "asctime", "get_localzone"}
        asks = asks or (called(node) == "astimezone" and not node.args)
        if asks or (called(node).endswith(("Trigger", "from_crontab", "BackgroundScheduler")) and not zoned):
            yield node.lineno


def is_zero(node: ast.expr) -> bool:
    """Whether the expression is 0, 0.0 or a call with nothing but such a zero, as in `Decimal(0)`."""
    if isinstance(node, ast.Call):
        return len(node.args) == 1 and not node.keywords and is_zero(node.args[0])
    return isinstance(node, ast.Constant) and type(node.value) in (int, float) and node.value == 0


def called(node: ast.Call) -> str:
    return ast.unparse(node.func).rpartition(".")[2]


def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def name(path: Path) -> str:
    return path.relative_to(CHECKOUT).as_posix()

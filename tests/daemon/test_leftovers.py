"""Reports that killed processes have left behind."""

from pathlib import Path

import pytest

from exporter.daemon.leftovers import sweep
from tests.daemon.test_daemon import configured
from tests.support.daemons import daemon

pytestmark = pytest.mark.slow


def leave(folder: Path, name: str, *files: str) -> Path:
    """A folder with files in it."""
    left = folder / name
    left.mkdir()
    for file in files:
        (left / file).write_text("alice@example.com")
    return left


def test_reports_of_killed_processes_are_removed_and_nothing_else(tmp_path: Path) -> None:
    elsewhere = leave(tmp_path, "elsewhere", "2026-03-09.csv")
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    leave(temporary, "adoption-exporter-abcd_123", "2026-03-09.csv", "2026-03-02.csv.part")
    leave(temporary, "adoption-exporter-abcd_124")
    kept = [
        leave(temporary, "adoption-exporter-1.0", "2026-03-09.csv"),
        leave(temporary, "adoption-exporter-abcd_125", "2026-03-09.csv", "config.yaml"),
        leave(temporary, "another-program-abcd_126", "2026-03-09.csv"),
    ]
    (temporary / "adoption-exporter-abcd_127").symlink_to(elsewhere)
    (temporary / "adoption-exporter-abcd_128").write_text("a file")

    sweep(temporary)
    sweep(tmp_path / "no such folder")

    assert sorted(path.name for path in temporary.iterdir()) == [
        "adoption-exporter-1.0",
        "adoption-exporter-abcd_125",
        "adoption-exporter-abcd_127",
        "adoption-exporter-abcd_128",
        "another-program-abcd_126",
    ]
    assert all((path / "2026-03-09.csv").exists() for path in (*kept, elsewhere))


def test_the_daemon_removes_them_when_it_starts(tmp_path: Path) -> None:
    left = leave(tmp_path, "adoption-exporter-abcd_123", "2026-03-09.csv")
    config = configured(tmp_path, "http://127.0.0.1:1")
    with daemon(tmp_path, "run", "--config.file", str(config), TMPDIR=str(tmp_path)):
        assert not left.exists()

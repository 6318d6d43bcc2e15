"""What a killed process has left in the folder for temporary files."""

import re
from contextlib import suppress
from pathlib import Path

# Earlier versions kept reports in folders like this one, under their days.
_FOLDER = re.compile(r"adoption-exporter-[a-z0-9_]{8}")
_REPORT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\.csv(\.part)?")


def sweep(folder: Path) -> None:
    """Removes reports that are nobody's any more: they hold e-mails. What else there is stays, and what is not ours."""
    with suppress(OSError):
        for left in folder.iterdir():
            if _FOLDER.fullmatch(left.name) and left.is_dir() and not left.is_symlink():
                _remove(left)


def _remove(left: Path) -> None:
    with suppress(OSError):
        files = list(left.iterdir())
        if all(_REPORT.fullmatch(file.name) for file in files):
            for file in files:
                file.unlink()
            left.rmdir()

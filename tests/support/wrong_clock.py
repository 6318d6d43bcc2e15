"""A settable clock for processes: libfaketime, whose file holds the offset."""

from dataclasses import dataclass, field
from pathlib import Path


def library() -> Path | None:
    """libfaketime for programs with threads; None if it is not installed."""
    found = [*Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), *Path("/usr/lib/faketime").glob("*MT.so.1")]
    return found[0] if found else None


@dataclass
class WrongClock:
    """The clock of the processes that are started with `environ`; it is right until it is set."""

    folder: Path
    environ: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self.environ = {
            "LD_PRELOAD": str(library()),
            "FAKETIME_TIMESTAMP_FILE": str(self._file()),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }
        self.set("+0")

    def set(self, offset: str) -> None:
        """Sets the clock to the right time and an offset such as `-400d` or `+2h`, at once."""
        new = self.folder / "faketime.new"
        new.write_text(offset)
        new.replace(self._file())

    def _file(self) -> Path:
        return self.folder / "faketime"

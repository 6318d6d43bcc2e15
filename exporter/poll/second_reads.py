"""What a poll reads of a scope beside its days: windows, seats, counts of days."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from exporter.errors import Rejected, VendorError

# The plan does not include it, the token may not read it, or the vendor hides that it is there.
_REFUSED = (402, 403, 404)


def _nothing() -> None:
    return None


@dataclass
class SecondReads:
    """Ends none of the others where one fails: an outage fails the scope at the end, a refusal costs its own series."""

    scope: str
    warn: Callable[[str, str], None]
    failed: list[VendorError] = field(default_factory=list)

    @contextmanager
    def beside(self, what: str, refused: Callable[[], None] = _nothing) -> Iterator[None]:
        """Keeps the failure of a read for the end. Where it is refused, warns once and calls `refused`."""
        try:
            yield
        except VendorError as error:
            if isinstance(error, Rejected) and error.status in _REFUSED:
                self.warn(f"{self.scope}: no {what}", f"{self.scope} has no {what}: {error}")
                refused()
            else:
                self.failed.append(error)

    def end(self) -> None:
        """Raises the first failure."""
        if self.failed:
            raise self.failed[0]

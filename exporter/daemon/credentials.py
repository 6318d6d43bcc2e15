"""Tries the credentials that a reload brings, so that its answer and the log say whether the vendors take them."""

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from time import monotonic

from exporter.config.load import Config
from exporter.config.source import SourceSettings
from exporter.errors import VendorError
from exporter.log import event
from exporter.poll.poller import Poller
from exporter.vendors.base import PollContext

logger = logging.getLogger(__name__)

# How long a reload may take for it. The first polls have begun by then, and tell what is still open.
SECONDS = 10.0
_LOOK_SECONDS = 0.05


@dataclass
class _Try:
    """The try of one source: `refusal` is why the vendor does not take the credential, None as long as it may."""

    poller: Poller
    now: datetime
    refusal: str | None = None
    thread: threading.Thread = field(init=False)

    def __post_init__(self) -> None:
        # The process does not wait for it at its end.
        self.thread = threading.Thread(target=self._run, name=f"credential {self.poller.source.name}", daemon=True)

    def problem(self) -> str | None:
        """Why it is not known that the vendor takes the credential; None where it does."""
        if self.thread.is_alive():
            return f"no answer within {SECONDS:.0f} s, the first poll will tell"
        return self.refusal

    def _run(self) -> None:
        source = self.poller.source
        try:
            with source.connect(self.poller.self_metrics.request) as client:
                session = source.vendor.open_session()
                source.vendor.probe(
                    PollContext(
                        client.once(),
                        source.settings,
                        self.poller.accounts,
                        self.now,
                        session,
                        lambda _kind, _remark: None,
                    )
                )
        except VendorError as error:
            self.refusal = str(error)
        except Exception as error:
            self.refusal = f"{type(error).__name__} in adoption-exporter, see the log"
            event(logger, logging.ERROR, "a bug kept a credential from being tried", source=source.name, exc_info=error)


def renewed(old: Config, new: Config) -> list[str]:
    """The sources that are new, or come with another credential or address."""
    return [
        name
        for name, settings in new.sources.items()
        if name not in old.sources or _credential(settings) != _credential(old.sources[name])
    ]


def try_credentials(pollers: Mapping[str, Poller], now: datetime, given_up: Callable[[], bool]) -> list[str]:
    """Sends one request for each source, side by side, and logs and returns a line on how each went.

    Returns after `SECONDS` at the latest, and at once where `given_up` becomes true.
    """
    tries = {name: _Try(poller, now) for name, poller in pollers.items()}
    for one in tries.values():
        one.thread.start()
    until = monotonic() + SECONDS
    for one in tries.values():
        while one.thread.is_alive() and monotonic() < until and not given_up():
            one.thread.join(_LOOK_SECONDS)
    problems = {name: one.problem() for name, one in tries.items()}
    for name, problem in problems.items():
        about = {"source": name, "vendor": pollers[name].source.vendor.name}
        if problem is None:
            event(logger, logging.INFO, "the vendor takes the credential", **about)
        else:
            event(logger, logging.WARNING, "the vendor does not take the credential so far", **about, error=problem)
    lines = [f"credential of {name}: {problem or 'the vendor takes it'}" for name, problem in problems.items()]
    return [*lines, "The configuration is in force all the same."] if any(problems.values()) else lines


def _credential(settings: SourceSettings) -> dict[str, object]:
    return {
        name: getattr(settings, name)
        for name in ("vendor", "base_url", "token", "ca_file", *type(settings).instead_of_token)
    }

"""Reloads the configuration and applies it, or keeps the running one and reports every mistake."""

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from exporter.config.diff import changes, in_words, without_restart
from exporter.config.load import Config
from exporter.config.mistakes import ConfigError
from exporter.daemon.credentials import renewed, try_credentials
from exporter.daemon.exporter import Exporter
from exporter.log import event
from exporter.poll.poller import Poller
from exporter.publish.status import Reload
from exporter.state.database import StateError
from exporter.web.access import WebAccess

logger = logging.getLogger(__name__)

TryCredentials = Callable[[Mapping[str, Poller], datetime, Callable[[], bool]], Sequence[str]]


class Reloader:
    """Reloads the configuration on request, one reload at a time. `load` raises ConfigError.

    `try_credentials` is that of `daemon.credentials`.
    """

    def __init__(
        self,
        exporter: Exporter,
        access: WebAccess,
        load: Callable[[], Config],
        try_credentials: TryCredentials = try_credentials,
    ) -> None:
        self.last = Reload(exporter.now())
        self._exporter = exporter
        self._access = access
        self._load = load
        self._try_credentials = try_credentials
        self._lock = threading.Lock()

    def reload(self) -> Reload:
        """Reloads, and returns the result, which is logged and counted in the self metrics too."""
        with self._lock:
            at = self._exporter.now()
            try:
                config = self._load()
                access = WebAccess.open(config.web.config_file)
                new = renewed(self._exporter.config, config)
                self.last = Reload(at, changes=tuple(self._apply(config, access)))
            except (ConfigError, StateError) as error:
                self.last = Reload(at, mistakes=error.mistakes if isinstance(error, ConfigError) else (str(error),))
                event(logger, logging.ERROR, "configuration kept as it was", error="; ".join(self.last.mistakes))
            except Exception as error:
                self.last = Reload(at, mistakes=(f"{type(error).__name__} in adoption-exporter, see the log",))
                event(logger, logging.ERROR, "a bug stopped a reload", exc_info=error)
            else:
                event(logger, logging.INFO, "configuration read again", changes="; ".join(self.last.changes))
                self.last = replace(self.last, credentials=tuple(self._try(new)))
            self._exporter.self_metrics.reloaded(ok=not self.last.mistakes, at=at)
            return self.last

    def _apply(self, config: Config, access: WebAccess) -> list[str]:
        old = self._exporter.config
        found = changes(old, config)
        self._exporter.apply(without_restart(old, config), found)
        self._access.become(access)
        return list(in_words(found))

    def _try(self, names: Sequence[str]) -> Sequence[str]:
        """Tries new credentials. The configuration is in force by now: a vendor that is down must not keep it back."""
        exporter = self._exporter
        pollers = {name: exporter.pollers[name] for name in names}
        return self._try_credentials(pollers, exporter.now(), lambda: exporter.aborted)

"""The daemon's life: listens, starts, waits for signals, and stops within five seconds even in the middle of a poll."""

import gc
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic, monotonic_ns, sleep

from exporter.config.load import Config, redacted
from exporter.config.sections import Address, WebSettings
from exporter.daemon.exporter import Exporter
from exporter.daemon.memory import share_arenas
from exporter.daemon.reload import Reloader
from exporter.daemon.report import report
from exporter.daemon.signals import caught
from exporter.daemon.systemd import BEAT_SECONDS, Watchdog, notify, watchdog_seconds
from exporter.daemon.upkeep import schedule_upkeep
from exporter.log import event
from exporter.web.access import Guard, WebAccess
from exporter.web.application import Pages, application
from exporter.web.refusals import is_loopback
from exporter.web.server import STOP_SECONDS, Server

logger = logging.getLogger(__name__)

ENDING = (signal.SIGTERM, signal.SIGINT)

# How soon a changed certificate or password counts.
_WATCH_SECONDS = 1.0
_POLL_STOP_SECONDS = 2.0
# A scrape releases the interpreter and takes it again some fifteen times; while a poll parses, each time takes so long.
# Four polls that parse at once lose a sixth of their CPU time to the changes; two lose nothing.
SWITCH_SECONDS = 0.0005
# How many collections of the middle generation come before one of everything, in place of 10: that one stops every
# thread for 20 ms where a poll holds 50,000 people, and finds next to nothing.
_RARELY = 100
_PUSH_STOP_SECONDS = 3.0


@dataclass(frozen=True)
class Web:
    """Where and to whom to serve.

    `prefix` begins every path, "" or /like/this; `external_host` is the host under which a reverse proxy serves it.
    """

    listener: socket.socket
    access: WebAccess
    prefix: str = ""
    external_host: str = ""

    def names(self, settings: WebSettings) -> frozenset[str] | None:
        """The host names that it answers to beside loopback addresses; None for every one.

        On loopback names are always checked: a page in a local browser could send requests under a name of its own.
        """
        allowed, address = settings.allowed_hosts, self.listener.getsockname()[0]
        if allowed is None and not is_loopback(address):
            return None
        own = ("localhost", settings.listen_address.host.lower(), address, self.external_host)
        return frozenset(filter(None, (*own, *(allowed or ()))))

    def url(self) -> str:
        """A URL by which this machine reaches it."""
        host, port = self.listener.getsockname()[:2]
        if host in ("0.0.0.0", "::"):  # noqa: S104 - compared with, not bound to
            host = "127.0.0.1"
        scheme = "http" if self.access.config.tls is None else "https"
        return f"{scheme}://{Address(host, port)}{self.prefix}"


def listen(address: Address) -> socket.socket:
    """Returns a listening socket; raises OSError where the address cannot be used."""
    dual = not address.host and socket.has_dualstack_ipv6()
    family = socket.AF_INET6 if dual or ":" in address.host else socket.AF_INET
    try:
        listener = socket.create_server((address.host, address.port), family=family, dualstack_ipv6=dual, backlog=1024)
    except OSError as error:
        # Python appends the address as a tuple.
        reason = (error.strerror or str(error)).partition(" (while ")[0]
        raise OSError(f"cannot listen on {address}: {reason}") from error
    # asyncio does this for its own sockets only; without it a response on a kept connection may wait 40 ms for an ACK.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def run_daemon(exporter: Exporter, web: Web, load: Callable[[], Config], started: Callable[[str], None]) -> None:
    """Serves and polls until SIGTERM or SIGINT; SIGHUP reloads the configuration.

    `started` is called with the URL once the values of the last run are served. A poll that waits for a vendor at the
    end is abandoned: what it stored are whole days. The listener and the state are the caller's to close.
    """
    sys.setswitchinterval(SWITCH_SECONDS)
    share_arenas()
    # What exists by now stays: each garbage collection over it would delay scrapes by some 50 ms.
    gc.freeze()
    gc.set_threshold(*gc.get_threshold()[:2], _RARELY)
    watchdog = Watchdog(os.environ, monotonic)
    watchdog_pause = watchdog_seconds(os.environ, os.getpid())
    reloader = Reloader(exporter, web.access, load)
    pages = Pages(
        cache=exporter.cache,
        self_metrics=exporter.self_metrics,
        healthy=watchdog.alive,
        ready=exporter.ready,
        report=lambda: report(exporter, reloader.last),
        config=lambda: redacted(exporter.config),
        reload=reloader.reload,
    )
    guard = Guard(application(pages, web.prefix), web.access, lambda: web.names(exporter.config.web))
    server = Server(guard, lambda: web.access.config.tls)
    serving = threading.Thread(target=server.run, kwargs={"sockets": [web.listener]}, name="web", daemon=True)
    with caught((*ENDING, signal.SIGHUP)) as signals:
        for number in ENDING:
            # Before it waits again, this thread publishes a whole state at the start, and changed sources in a reload.
            signal.signal(number, lambda *_: exporter.abort())
        schedule_upkeep(exporter)
        exporter.scheduler.every(BEAT_SECONDS, "heartbeat", watchdog.beat)
        exporter.scheduler.every(_WATCH_SECONDS, "web configuration", web.access.refresh)
        exporter.prepare_push()
        # Before a whole state is published, which may take long: until then /-/ready answers 503.
        serving.start()
        url = web.url()
        event(logger, logging.INFO, "listening", url=url)
        exporter.start()
        # The scheduler has only begun.
        watchdog.beat()
        event(logger, logging.INFO, "started", restored=len(exporter.tried), sources=len(exporter.pollers))
        notify(os.environ, "READY=1", f"STATUS=Serving {url}")
        if watchdog_pause is not None:
            # After READY=1 only: systemd ignores earlier watchdog pings.
            server.call_every(watchdog_pause, watchdog.pet)
        started(url)
        while signals.wait() == signal.SIGHUP:
            notify(os.environ, "RELOADING=1", f"MONOTONIC_USEC={monotonic_ns() // 1000}")
            reloader.reload()
            notify(os.environ, "READY=1")
        notify(os.environ, "STOPPING=1")
        event(logger, logging.INFO, "stopping")
        exporter.end()
        ended = monotonic()
        server.should_exit = True
        serving.join(STOP_SECONDS + 1)
        if exporter.pusher is not None:
            exporter.pusher.wait(ended + _PUSH_STOP_SECONDS - monotonic())
        _abandon_polls(exporter, ended + _POLL_STOP_SECONDS)


def _abandon_polls(exporter: Exporter, deadline: float) -> None:
    """Waits for polls until the deadline, then exits; what they stored are whole days, so a poll may end anywhere."""
    while exporter.polling and monotonic() < deadline:
        sleep(0.02)
    if exporter.polling:
        # A thread that waits for a socket cannot be woken, and Python would wait for it.
        logging.shutdown()
        os._exit(0)

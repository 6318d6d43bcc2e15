"""All simulated vendors on one address, each under its own path, served from a thread."""

import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.types import ASGIApp, Receive, Scope, Send

from exporter.simulator.augment import augment_app
from exporter.simulator.coder import coder_app
from exporter.simulator.coder_classic import coder_classic_app
from exporter.simulator.company import Company
from exporter.simulator.copilot import copilot_app
from exporter.simulator.gitlab import gitlab_app
from exporter.simulator.sourcegraph import sourcegraph_app

Clock = Callable[[], datetime]

# A vendor's path is its name.
VENDORS: Mapping[str, Callable[[Company, Clock], ASGIApp]] = {
    "augment": augment_app,
    "coder": coder_app,
    "coder-classic": coder_classic_app,
    "copilot": copilot_app,
    "gitlab": gitlab_app,
    "sourcegraph": sourcegraph_app,
}

_STOP_SECONDS = 5


@dataclass(frozen=True)
class Running:
    """The URL of a running server, such as http://127.0.0.1:8080."""

    url: str


def build(
    company: Company, now: Clock, vendors: Mapping[str, Callable[[Company, Clock], ASGIApp]] = VENDORS
) -> Starlette:
    """Every vendor under `/<name>`; `app.state.requests` counts the requests by vendor name."""
    requests: Counter[str] = Counter()
    app = Starlette(
        routes=[Mount(f"/{name}", _counted(make(company, now), requests, name)) for name, make in vendors.items()]
    )
    app.state.requests = requests
    return app


@contextmanager
def serve(app: ASGIApp, host: str = "127.0.0.1", port: int = 0) -> Iterator[Running]:
    """Serves on an address until the block ends; port 0 means any free one. Raises OSError if it is in use."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, port), family=family) as listener:
        # asyncio does this only for its own sockets; without it every response on a kept connection takes 40 ms.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # Without log_config=None uvicorn would set up the logging of the whole process. Off the main thread it
        # leaves signals alone. The listener accepts connections before the thread runs.
        config = uvicorn.Config(
            app,
            log_config=None,
            log_level="warning",
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=1,
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listener],), name="simulator", daemon=True)
        thread.start()
        try:
            name, number = listener.getsockname()[:2]
            yield Running(f"http://[{name}]:{number}" if family == socket.AF_INET6 else f"http://{name}:{number}")
        finally:
            server.should_exit = True
            thread.join(_STOP_SECONDS)


def _counted(app: ASGIApp, requests: Counter[str], name: str) -> ASGIApp:
    async def counted(scope: Scope, receive: Receive, send: Send) -> None:
        requests[name] += 1
        await app(scope, receive, send)

    return counted

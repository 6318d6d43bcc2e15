"""Access to the pages: the current content of `--web.config.file`, applied to every request."""

import logging
import threading
from collections.abc import Callable, Collection
from pathlib import Path

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from exporter.config.mistakes import ConfigError
from exporter.log import event
from exporter.web.config_file import WebConfig, read
from exporter.web.passwords import CrowdedError, Passwords
from exporter.web.refusals import refusal

logger = logging.getLogger(__name__)

# The pages load only the exporter's own style sheet and icon. The file may set another policy.
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class WebAccess:
    """The web configuration in force. `config` is replaced as a whole, so reading it needs no lock."""

    def __init__(self, config: WebConfig, path: Path | None = None) -> None:
        self.config = config
        self._path = path
        self._seen = _stats(config.files)
        self._mistakes: str | None = None
        self._lock = threading.Lock()

    @classmethod
    def open(cls, path: Path | None) -> "WebAccess":
        """Reads the file at `path`; without one there is neither TLS nor a password. Raises ConfigError."""
        return cls(WebConfig() if path is None else read(path), path)

    def become(self, other: "WebAccess") -> None:
        """Takes over the file and configuration of `other`, after a reload."""
        with self._lock:
            self._path, self._seen, self._mistakes = other._path, other._seen, None
            self.config = other.config

    def refresh(self) -> None:
        """Reads the file again if it or a certificate has changed; logs a mistake once and keeps the old content."""
        with self._lock:
            self._refresh()

    def _refresh(self) -> None:
        seen = _stats(self.config.files)
        if self._path is None or (seen == self._seen and self._mistakes is None):
            return
        try:
            config = read(self._path)
        except ConfigError as error:
            if str(error) != self._mistakes:
                event(logger, logging.ERROR, "web configuration kept as it was", error=str(error))
            self._mistakes = str(error)
            return
        # `seen` is from before the read: a write during the read shows in the next refresh.
        self._seen = seen if config.files == self.config.files else ()
        self._mistakes = None
        self.config = config
        event(logger, logging.INFO, "web configuration read again", file=str(self._path))


class Guard:
    """Requires a password if the configuration has users, and adds headers to every response.

    `names` returns the host names that it serves now, None for any.
    """

    def __init__(
        self, app: ASGIApp, access: WebAccess, names: Callable[[], Collection[str] | None] = lambda: None
    ) -> None:
        self._app = app
        self._access = access
        self._names = names
        self._passwords = Passwords()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves or refuses one request."""
        config = self._access.config
        headers = {**_HEADERS, **config.headers}

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(headers)
            await send(message)

        app = await self._admit(scope["method"], Headers(scope=scope), config)
        await app(scope, receive, send_with_headers)

    async def _admit(self, method: str, headers: Headers, config: WebConfig) -> ASGIApp:
        """The application, or the refusal that answers in its place."""
        refused = refusal(method, headers, self._names())
        if refused is not None:
            return refused
        try:
            authorization = headers.get("authorization", "")
            admitted = not config.users or await self._passwords.fit(authorization, config.users)
        except CrowdedError:
            return _CROWDED
        return self._app if admitted else _UNAUTHORIZED


_UNAUTHORIZED = PlainTextResponse("Unauthorized\n", 401, {"WWW-Authenticate": 'Basic realm="adoption-exporter"'})
_CROWDED = PlainTextResponse(
    "Too many passwords wait to be checked: try again in 5 seconds.\n",
    503,
    # Clients in a crowd must not keep their connections: none would be left for others.
    {"Retry-After": "5", "Connection": "close"},
)


def _stats(files: tuple[Path, ...]) -> tuple[object, ...]:
    """For each file a value that differs once the file has changed; reads no file."""
    return tuple(_stat(file) for file in files)


def _stat(file: Path) -> object:
    try:
        status = file.stat()
    except OSError as error:
        return error.errno
    return status.st_mtime_ns, status.st_size, status.st_ino

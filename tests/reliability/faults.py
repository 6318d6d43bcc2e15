"""What goes wrong: faults of vendors, kills of the process, a state that fails, a clock that jumps; all from a seed."""

import random
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import httpx
from sqlalchemy import Connection

from tests.reliability.script import DAY, HOUR, NAME
from tests.support.failing_state import FailingState

KINDS = (
    "500", "503", "429", "timeout", "no connection", "cut body", "half a document", "not JSON", "sign-in page",
    "redirect", "401", "403", "404",
)  # fmt: skip
JUMPS = (400 * DAY, -DAY, 3 * HOUR, -40 * DAY)
_PAGE = "<!doctype html><html><head><title>Sign in</title></head><body><form></form></body></html>"


class KilledError(BaseException):
    """The process is gone. No handler of the exporter may see it."""


@dataclass(frozen=True)
class Fault:
    """What a vendor does wrong in a span: to this share of the requests whose URL or body has a text."""

    kind: str
    begin: datetime
    end: datetime
    share: float
    only: str


@dataclass
class Plan:
    """Spans of a year, made before it begins. `calm_from` is when everything has ended."""

    faults: dict[str, list[Fault]] = field(default_factory=dict)
    jumps: list[tuple[datetime, datetime, timedelta]] = field(default_factory=list)
    vanished: list[tuple[datetime, datetime]] = field(default_factory=list)

    @classmethod
    def of(cls, seed: int, start: datetime, calm_from: datetime, scopes: dict[str, Sequence[str]]) -> "Plan":
        """A source has a fault on every eighth day or so, for up to three days; a refusal lasts for up to six."""
        plan = cls()
        for source, names in scopes.items():
            chance, moment = random.Random(f"{seed} faults {source}"), start
            plan.faults[source] = []
            while (moment := moment + chance.uniform(6, 240) * HOUR) < calm_from:
                kind = chance.choice(KINDS)
                lasts = chance.uniform(6, 144 if kind in ("401", "403") else 72) * HOUR
                only = chance.choice(names) if len(names) > 1 and chance.random() < 0.4 else ""
                end = min(moment + lasts, calm_from)
                plan.faults[source].append(Fault(kind, moment, end, chance.choice((1.0, 1.0, 0.3)), only))
                moment += lasts
        chance, moment = random.Random(f"{seed} clock"), start + 5 * DAY
        while (moment := moment + chance.uniform(2, 30) * DAY) < calm_from - 2 * DAY:
            plan.jumps.append((moment, moment + chance.uniform(4, 40) * HOUR, chance.choice(JUMPS)))
        moment = start + 10 * DAY
        while (moment := moment + chance.uniform(10, 60) * DAY) < calm_from - 6 * DAY:
            plan.vanished.append((moment, moment + chance.uniform(1, 5) * DAY))
        return plan

    def fault(self, source: str, now: datetime) -> Fault | None:
        """The fault of a source at a moment."""
        return next((one for one in self.faults[source] if one.begin <= now < one.end), None)

    def wrong(self, now: datetime) -> timedelta:
        """By how much the clock is ahead at a moment."""
        return next((by for begin, end, by in self.jumps if begin <= now < end), timedelta())

    def gone(self, now: datetime) -> bool:
        """Whether the scope that vanishes at times is gone."""
        return any(begin <= now < end for begin, end in self.vanished)


class FaultyTransport(httpx.BaseTransport):
    """A vendor with the faults of a plan, which tells the right time; `before` is called before each request."""

    def __init__(
        self,
        answer: Callable[[httpx.Request], httpx.Response],
        fault: Callable[[], Fault | None],
        now: Callable[[], datetime],
        chance: random.Random,
        before: Callable[[], None],
        met: Counter[str],
    ) -> None:
        self._answer, self._fault, self._now = answer, fault, now
        self._chance, self._before, self._met = chance, before, met

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self._before()
        fault = self._fault()
        text = f"{request.url}{request.read().decode(errors='replace')}"
        if fault is None or fault.only not in text or self._chance.random() >= fault.share:
            response = self._answer(request)
        else:
            self._met[fault.kind] += 1
            response = self._wrong(fault.kind, request)
        response.headers["date"] = format_datetime(self._now(), usegmt=True)
        return response

    def _wrong(self, kind: str, request: httpx.Request) -> httpx.Response:
        match kind:
            case "timeout":
                raise httpx.ReadTimeout("timed out", request=request)
            case "no connection":
                raise httpx.ConnectError("connection refused", request=request)
            case "429":
                return httpx.Response(429, headers={"retry-after": str(self._chance.choice((1, 90, 7200)))})
            case "sign-in page":
                return httpx.Response(200, text=_PAGE, headers={"content-type": "text/html"})
            case "redirect":
                return httpx.Response(302, headers={"location": "https://login.example.com/"})
            case "cut body" | "half a document" | "not JSON":
                return self._damaged(kind, self._answer(request))
            case _:
                return httpx.Response(int(kind), json={"message": f"Not for {NAME}-1@example.com"})

    def _damaged(self, kind: str, response: httpx.Response) -> httpx.Response:
        content, whole = response.read(), "json" in response.headers.get("content-type", "")
        if not response.is_success or not content:
            return response
        if kind == "cut body" or not whole:
            # Half of a table or of lines may be a shorter table or fewer lines: only the connection tells.
            return httpx.Response(response.status_code, headers=_type(response), stream=_Cut(content))
        damaged = content[: len(content) // 2] if kind == "half a document" else content.replace(b":", b"=>", 1)
        return httpx.Response(response.status_code, headers=_type(response), content=damaged)


class _Cut(httpx.SyncByteStream):
    def __init__(self, content: bytes) -> None:
        self._content = content

    def __iter__(self) -> Iterator[bytes]:
        yield self._content[: len(self._content) // 2]
        raise httpx.RemoteProtocolError("peer closed connection without sending complete message body")


def _type(response: httpx.Response) -> dict[str, str]:
    return {name: text for name, text in response.headers.items() if name == "content-type"}


@dataclass
class Ends:
    """Kills the process at a call of the state or of a vendor, counted down from `left`; None never does.

    The files of the state are copied at that moment, as they are: what a killed process leaves behind.
    """

    state: Path
    copies: int = 0
    left: int | None = None

    def count(self) -> None:
        """One call. Raises KilledError at the last one, and at every one after it."""
        if self.left is None:
            return
        self.left -= 1
        if self.left == 0:
            self._leave()
        if self.left <= 0:
            raise KilledError

    def _leave(self) -> None:
        self.copies += 1
        after = self.state.with_name(f"state-{self.copies}.db")
        for suffix in ("", "-wal"):
            part = Path(f"{self.state}{suffix}")
            if part.exists():
                shutil.copyfile(part, f"{after}{suffix}")

    @property
    def left_behind(self) -> Path:
        """The state that the newest kill has left."""
        return self.state.with_name(f"state-{self.copies}.db")


class MortalState(FailingState):
    """The state of a process that may be killed at any call of it; `committed` is called after each transaction."""

    called: Callable[[], None] = staticmethod(lambda: None)
    committed: Callable[[], None] = staticmethod(lambda: None)

    def _called(self) -> None:
        self.called()
        super()._called()

    @contextmanager
    def write(self, source: str | None = None) -> Iterator[Connection]:
        with super().write(source) as connection:
            yield connection
        self.called()
        self.committed()

"""Calls GitLab's functions through a real client, with a test's own responses and pauses that take no time."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx

from exporter.transport.client import Client
from exporter.transport.endpoints import Endpoints
from exporter.vendors.base import PollContext
from exporter.vendors.gitlab.session import Context, GitLabSession
from exporter.vendors.gitlab.vendor import GITLAB
from tests.support.pauses import Pauses

Answer = Callable[[httpx.Request], httpx.Response]

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)


class NoAccounts:
    """GitLab counts people and names nobody."""

    def have_emails(self) -> bool:
        raise AssertionError("GitLab names nobody")

    def number(self, identities: object) -> list[int]:
        raise AssertionError(f"{identities} are not wanted")


@dataclass
class Asked:
    """A GitLab with a test's own responses (None: those of a server at `base_url`), and the results."""

    answer: Answer | None
    pauses: Pauses = field(default_factory=Pauses)
    remarks: list[str] = field(default_factory=list)
    session: GitLabSession = field(default_factory=GitLabSession)
    now: datetime = NOW
    listed: tuple[str, ...] = ()
    base_url: str = "https://gitlab.example.com/gitlab"

    @contextmanager
    def client(self, token: str = "secret-token") -> Iterator[Client]:
        """A client of this GitLab."""
        with Client(
            vendor="gitlab",
            base_url=self.base_url,
            headers=GITLAB.headers(token),
            timeout=60,
            endpoints=Endpoints(GITLAB.endpoints, 1_000_000, monotonic=self.pauses.monotonic),
            stop=self.pauses,
            count=lambda _: None,
            now=lambda: self.now,
            monotonic=self.pauses.monotonic,
            jitter=lambda: 0.5,
            transport=None if self.answer is None else httpx.MockTransport(self.answer),
        ) as client:
            yield client

    @contextmanager
    def context(self, **settings: Any) -> Iterator[Context]:
        """The context that a poll passes to the vendor's functions, each time with the same session."""
        given: dict[str, Any] = {"vendor": "gitlab", "token": "secret-token", "projects": [42], **settings}
        with self.client(given["token"]) as client:
            yield PollContext(
                client,
                GITLAB.settings.model_validate(given),
                NoAccounts(),
                self.now,
                self.session,
                lambda _kind, remark: self.remarks.append(remark),
                self.listed,
            )

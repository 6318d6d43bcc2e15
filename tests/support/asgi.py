"""Requests to a web application without a server."""

import asyncio
from dataclasses import dataclass
from typing import Any

import httpx
from starlette.types import ASGIApp


def request(
    app: ASGIApp, method: str, path: str, *, base_url: str = "http://vendor.example.com", **options: Any
) -> httpx.Response:
    """One request to an application; `options` as for httpx. Redirects are not followed."""

    async def send() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=base_url) as client:
            return await client.request(method, path, **options)

    return asyncio.run(send())


@dataclass
class Pages:
    """The exporter's own application."""

    app: ASGIApp

    def get(self, path: str, **options: Any) -> httpx.Response:
        """GET."""
        return self.request("GET", path, **options)

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        """One request."""
        return request(self.app, method, path, base_url="http://exporter.example.com", **options)

"""Asks a web application without a server."""

import asyncio
from dataclasses import dataclass
from typing import Any

import httpx
from starlette.types import ASGIApp


@dataclass
class Pages:
    """An application to be asked; redirects are not followed."""

    app: ASGIApp

    def get(self, path: str, **options: Any) -> httpx.Response:
        """GET."""
        return self.ask("GET", path, **options)

    def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        """One request."""

        async def answer() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://exporter.example.com") as client:
                return await client.request(method, path, **options)

        return asyncio.run(answer())

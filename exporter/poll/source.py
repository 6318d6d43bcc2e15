"""One configured account at a vendor, with all that polling it needs."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from exporter.poll.plan import ReadWindow
from exporter.transport.client import Client
from exporter.vendors.base import Vendor

# Makes a client for one poll; its argument is called with the HTTP status of each request, None without a response.
Connect = Callable[[Callable[[int | None], None]], Client]


@dataclass(frozen=True)
class Source:
    """One configured account at a vendor; `settings` is the vendor's own settings model."""

    name: str
    vendor: Vendor
    settings: Any
    read_window: ReadWindow
    connect: Connect

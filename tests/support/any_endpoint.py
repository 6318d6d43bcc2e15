"""Lets a client of a test send any request, within one budget."""

from exporter.transport.endpoints import Endpoint, Endpoints
from exporter.transport.rate_limit import Budget


class AnyEndpoint(Endpoints):
    """Lists every request."""

    def __init__(self, budget: Budget) -> None:
        super().__init__((), 1, monotonic=lambda: 0.0)
        self._budget = budget

    def budget(self, _vendor: str, _endpoint: Endpoint) -> Budget:
        """The one budget."""
        return self._budget

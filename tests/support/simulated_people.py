"""People for the vendor simulators."""

from datetime import date

from exporter.simulator.people import Person


def somebody(name: str, *, number: int = 1, service: bool = False) -> Person:
    """A person, or a service account, who has joined before every day of the tests and never leaves."""
    return Person(
        number=number,
        username=name,
        email=f"{name}@example.com",
        team="web",
        service=service,
        joined=date(2025, 1, 1),
        left=None,
        editors=(),
        languages=(),
        days_off=frozenset(),
        zeal=1.0,
    )

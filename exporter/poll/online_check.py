"""Tries the credential and the queries of a source, and stores nothing."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime

from exporter.errors import VendorError
from exporter.model import Identity, newest_ready
from exporter.poll.source import Source
from exporter.vendors.base import InvalidDay, PollContext


class _Numbers:
    """Numbers accounts for a reading that is not stored."""

    def number(self, identities: Sequence[Identity]) -> list[int]:
        """Gives equal keys equal numbers within one call."""
        numbers = {key: number for number, key in enumerate(dict.fromkeys(identity.key for identity in identities))}
        return [numbers[identity.key] for identity in identities]


def problems(source: Source, now: datetime) -> Iterator[str]:
    """Yields a line for each reason why a poll would fail: by the vendor's own check, or by reading the newest day."""
    vendor = source.vendor
    try:
        with source.connect(lambda _code: None) as client:
            session = vendor.open_session()
            context = PollContext(client, source.settings, _Numbers(), now, session, lambda _kind, _remark: None)
            if vendor.check is not None:
                yield from vendor.check(context)
                return
            newest = newest_ready(now, source.read_window.ready_at)
            for scope in vendor.scopes(context):
                yield from _scope_problems(source, context, scope, newest)
    except VendorError as error:
        yield str(error)


def _scope_problems(source: Source, context: PollContext, scope: str, day: date) -> Iterator[str]:
    try:
        for reading in source.vendor.read(context, scope, [day]):
            if isinstance(reading, InvalidDay):
                yield f"{scope}: {reading.error}"
    except VendorError as error:
        yield f"{scope}: {error}"

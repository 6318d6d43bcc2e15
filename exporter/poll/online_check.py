"""Tries a source's credential and queries without storing anything."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime

from exporter.errors import VendorError
from exporter.model import Identity, newest_ready
from exporter.poll.poller import Source
from exporter.vendors.base import InvalidDay, PollContext


class _Numbers:
    """Numbers accounts for a reading that nobody keeps."""

    def number(self, identities: Sequence[Identity]) -> list[int]:
        """Equal keys get equal numbers within one call."""
        numbers = {key: number for number, key in enumerate(dict.fromkeys(identity.key for identity in identities))}
        return [numbers[identity.key] for identity in identities]


def problems(source: Source, now: datetime) -> Iterator[str]:
    """A line for each thing that would make a poll fail: the vendor's own check, else a reading of the newest day."""
    vendor = source.vendor
    try:
        with source.connect(lambda _code: None) as client:
            session = vendor.open_session()
            context = PollContext(client, source.settings, _Numbers(), now, session, lambda _kind, _remark: None)
            if vendor.check is not None:
                yield from vendor.check(context)
                return
            newest = newest_ready(now, source.rules.ready_at)
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

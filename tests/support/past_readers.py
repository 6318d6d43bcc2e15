"""The reader of a backfill over a test's poller, store and clock."""

from collections.abc import Callable
from datetime import date

from exporter.poll.past_days import PastReader
from exporter.poll.poller import Poller
from tests.support.made_up_vendor import Bench
from tests.support.vendor_polls import VendorPolls


def past_reader(
    bench: Bench | VendorPolls,
    poller: Poller,
    first: date,
    last: date,
    warn: Callable[[str], None] = lambda _remark: None,
) -> PastReader:
    """Reads the days from the first to the last one that the bench's state does not hold."""
    return PastReader(
        source=poller.source,
        store=bench.store,
        accounts=poller.publisher.sample_options.accounts,
        first=first,
        last=last,
        now=lambda: bench.now,
        count=lambda _code: None,
        warn=warn,
    )

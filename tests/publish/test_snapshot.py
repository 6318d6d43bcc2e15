import gzip
import threading
from collections.abc import Callable, Sequence
from datetime import date

import pytest

from exporter.metrics import Sample, sample
from exporter.publish.body import gzipped
from exporter.publish.prometheus import Format
from exporter.publish.snapshot import ExpositionCache, Snapshot
from tests.support.reference import render

FORMS: list[Format] = ["text", "openmetrics"]


def seats(source: str, *values: int) -> list[Sample]:
    return [
        sample("adoption_seats", value, source=source, vendor="augment", scope=f"scope-{number}")
        for number, value in enumerate(values)
    ]


def clock(*moments: float) -> Callable[[], float]:
    """A clock that is read exactly so often."""
    return iter(moments).__next__


def text(snapshot: Snapshot) -> str:
    return snapshot.parts["text"].plain.decode()


def values(snapshot: Snapshot) -> list[float]:
    return [float(line.rpartition(" ")[2]) for line in text(snapshot).splitlines() if not line.startswith("#")]


def test_a_cache_begins_empty() -> None:
    cache = ExpositionCache(monotonic=clock())

    assert cache.snapshot.all_samples() == []
    assert [cache.snapshot.parts[form].plain for form in FORMS] == [b"", b""]


def test_a_publication_replaces_one_sources_samples_whole_and_leaves_the_others() -> None:
    cache = ExpositionCache(monotonic=clock(*range(100)))
    cache.publish("b", seats("b", 1, 2))
    cache.publish("a", seats("a", 3))
    before = cache.snapshot

    cache.publish("b", seats("b", 4))

    assert before.all_samples() == [*seats("b", 1, 2), *seats("a", 3)]
    assert cache.snapshot.samples == {"a": seats("a", 3), "b": seats("b", 4)}
    for form in FORMS:
        assert cache.snapshot.parts[form].plain == render([*seats("a", 3), *seats("b", 4)], form)


def test_a_publication_may_wait_while_rendering_takes_more_than_a_tenth_of_the_time() -> None:
    rendering_takes_two_seconds = (0.0, 2.0)
    cache = ExpositionCache(
        monotonic=clock(0.0, *rendering_takes_two_seconds, 2.0, 21.9, 22.0, 22.0, 22.5, 27.4, 27.5, 30.0, 30.0)
    )

    shown = []
    for value, source in enumerate(["a", "a", "b", "a", "a", "a"], start=1):
        cache.publish(source, seats(source, value), at_once=False)
        shown.append(values(cache.snapshot))

    assert shown == [[1], [1], [1], [4, 3], [4, 3], [6, 3]]


def test_a_publication_at_once_takes_along_what_waits() -> None:
    cache = ExpositionCache(monotonic=clock(0.0, 0.0, 5.0, 6.0, 7.0))
    cache.publish("a", seats("a", 1))
    cache.publish("b", seats("b", 2), at_once=False)
    waiting = values(cache.snapshot)

    cache.publish("c", seats("c", 3))

    assert waiting == [1]
    assert values(cache.snapshot) == [1, 2, 3]


def test_publications_that_follow_each_other_fast_are_compressed_when_somebody_asks() -> None:
    rendering_takes_two_seconds = (0.0, 2.0)
    cache = ExpositionCache(monotonic=clock(0.0, *rendering_takes_two_seconds, 3.0, 21.9, 22.0, 22.0, 22.5))

    compressed = []
    for number, source in enumerate("abcd"):
        cache.publish(source, seats(source, number))
        compressed.append(cache.snapshot.body.is_made)

    assert compressed == [True, False, False, True]


def test_most_of_all_series_are_compressed_by_their_publication_however_soon_it_comes() -> None:
    cache = ExpositionCache(monotonic=clock(0.0, 0.0, 5.0, 6.0, 7.0, 8.0))

    compressed = []
    for source, values in {"a": [1], "b": [2, 3], "c": [4, 5], "d": [6, 7, 8, 9, 10, 11]}.items():
        cache.publish(source, seats(source, *values))
        compressed.append(cache.snapshot.body.is_made)

    assert compressed == [True, True, False, True]


def test_a_publication_that_waits_to_be_compressed_is_whole_for_whom_asks() -> None:
    cache = ExpositionCache(monotonic=clock(0.0, 0.0, 5.0, 6.0, 7.0))
    for number, source in enumerate("cab"):
        cache.publish(source, seats(source, number))

    expected = render([*seats("a", 1), *seats("b", 2), *seats("c", 0)], "text")
    assert not cache.snapshot.body.is_made
    assert gzip.decompress(b"".join(gzipped(cache.snapshot.parts["text"], b"rest"))) == expected + b"rest"
    assert cache.snapshot.body.is_made


def test_a_source_that_is_withdrawn_is_gone_even_where_its_samples_still_waited() -> None:
    cache = ExpositionCache(monotonic=clock(0.0, 0.0, 5.0, 6.0, 6.0, 7.0))
    cache.publish("a", seats("a", 1))
    cache.publish("a", seats("a", 2), at_once=False)
    cache.publish("b", seats("b", 3), at_once=False)

    cache.withdraw("a")
    cache.withdraw("nobody")
    after = cache.snapshot
    cache.publish("c", seats("c", 4))

    assert (after.all_samples(), text(after)) == ([], "")
    assert values(cache.snapshot) == [3, 4]


def test_data_days_come_and_go_with_the_samples_of_their_source() -> None:
    cache = ExpositionCache(monotonic=clock(*range(100)))
    cache.publish("a", seats("a", 1), {"all": date(2026, 3, 9)})
    cache.publish("b", seats("b", 2), {"all": date(2026, 3, 8)}, at_once=False)
    cache.publish("c", seats("c", 3))
    published = cache.snapshot.data_days
    cache.withdraw("a")

    assert published == {"a": {"all": date(2026, 3, 9)}, "b": {"all": date(2026, 3, 8)}, "c": {}}
    assert cache.snapshot.data_days == {"b": {"all": date(2026, 3, 8)}, "c": {}}


def test_readers_see_whole_snapshots_only() -> None:
    cache = ExpositionCache()
    done = threading.Event()
    torn: list[Sequence[float]] = []
    seen: set[float] = set()

    def read() -> None:
        while not done.is_set():
            snapshot = cache.snapshot
            found = values(snapshot)
            seen.update(found)
            whole = len(set(found)) <= 1 and len(found) in (0, 20)
            if not whole or found != [sample.value for sample in snapshot.all_samples()]:
                torn.append(found)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for number in range(10_000):
        cache.publish("a", seats("a", *[number] * 20))
        if len(seen) >= 5:
            break
    done.set()
    for reader in readers:
        reader.join()

    assert torn == []
    assert len(seen) >= 5


def test_publications_of_many_threads_are_all_there_at_the_end() -> None:
    cache = ExpositionCache()

    def publish(source: str) -> None:
        for number in range(20):
            cache.publish(source, seats(source, number), at_once=number == 19)

    writers = [threading.Thread(target=publish, args=(f"source-{number}",)) for number in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()

    assert cache.snapshot.samples == {f"source-{number}": seats(f"source-{number}", 19) for number in range(4)}
    assert values(cache.snapshot) == [19, 19, 19, 19]


def test_samples_that_cannot_be_rendered_harm_no_other_source() -> None:
    cache = ExpositionCache(monotonic=clock(*range(100)))
    cache.publish("a", seats("a", 1))
    before = cache.snapshot

    with pytest.raises(UnicodeEncodeError):
        cache.publish("b", seats("half of a pair \ud800", 2))
    after = cache.snapshot
    cache.publish("c", seats("c", 3))

    assert after is before
    assert values(cache.snapshot) == [1, 3]

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.metrics import ADOPTION, Sample, sample
from exporter.samples.filters import LONGEST_LABEL, limit, shorten

# Days are limited before and apart.
NAMES = [metric.name for metric in ADOPTION if "day" not in metric.labels]


def made(name: str, mark: str = "") -> Sample:
    """A sample of a metric; `mark` makes it another series."""
    row = next(row for row in ADOPTION if row.name == name)
    return sample(name, 1, **{label: f"{label}{mark}" for label in row.labels})


BY_USER = made("adoption_user_usage")
BY_LANGUAGE = made("adoption_language_usage")
BY_CLIENT = made("adoption_client_active_users")
BY_TEAM = made("adoption_team_active_time_seconds")
BY_ACTIVITY = made("adoption_activity_active_users")
TOTAL = made("adoption_usage")
OTHER_TOTAL = made("adoption_active_users")
MIXED = [BY_LANGUAGE, TOTAL, BY_USER, BY_ACTIVITY, BY_CLIENT, OTHER_TOTAL, BY_TEAM]


def test_below_the_limit_nothing_is_dropped() -> None:
    assert limit(MIXED, 7) == (MIXED, 0)
    assert limit([], 0) == ([], 0)


def test_the_finest_detail_goes_first_and_what_is_kept_stays_in_its_order() -> None:
    assert [limit(MIXED, most) for most in range(6, -1, -1)] == [
        ([BY_LANGUAGE, TOTAL, BY_ACTIVITY, BY_CLIENT, OTHER_TOTAL, BY_TEAM], 1),
        ([TOTAL, BY_ACTIVITY, BY_CLIENT, OTHER_TOTAL, BY_TEAM], 2),
        ([TOTAL, BY_ACTIVITY, OTHER_TOTAL, BY_TEAM], 3),
        ([TOTAL, BY_ACTIVITY, OTHER_TOTAL], 4),
        ([TOTAL, OTHER_TOTAL], 5),
        ([TOTAL], 6),
        ([], 7),
    ]


def test_every_metric_without_a_member_is_a_total() -> None:
    totals = [
        row.name
        for row in ADOPTION
        if row.name in NAMES and not {"activity", "client", "language", "model", "team", "user"} & set(row.labels)
    ]
    totals += ["adoption_usage", "adoption_code_lines", "adoption_code_characters"]
    details = [name for name in NAMES if name not in totals]

    kept, dropped = limit([made(name) for name in details + totals], len(totals))

    assert {sample.metric for sample in kept} == set(totals)
    assert dropped == len(details)


@settings(deadline=None)
@given(
    chosen=st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from("abc")), max_size=30),
    most=st.integers(0, 30),
)
def test_a_limit_keeps_the_same_series_whatever_their_values_and_a_smaller_one_some_of_them(
    chosen: list[tuple[str, str]], most: int
) -> None:
    samples = [made(name, mark) for name, mark in chosen]

    kept, dropped = limit(samples, most)

    assert len(kept) == min(most, len(samples))
    assert len(kept) + dropped == len(samples)
    assert limit([sample._replace(value=sample.value + 1) for sample in samples], most) == (
        [sample._replace(value=sample.value + 1) for sample in kept],
        dropped,
    )
    smaller, _ = limit(samples, max(most - 1, 0))
    assert set(smaller) <= set(kept)


def client(text: str) -> Sample:
    """A sample whose last label is a text."""
    return Sample("adoption_client_active_users", ("tool", "augment", "all", "1d", text), 3)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a" * 2048, "a" * 2048),
        ("a" * 2049, "a" * 2029 + "…ba7bea600e8f3dfd"),
        # Letters of two, three and four bytes are never halved.
        ("é" * 1024, "é" * 1024),
        ("é" * 1025, "é" * 1014 + "…7401d66e53876ff5"),
        ("漢" * 700, "漢" * 676 + "…be24a50066808d78"),
        ("🙂" * 600, "🙂" * 507 + "…83559b9c05d7e400"),
    ],
)
def test_a_label_of_more_than_2048_bytes_ends_with_a_hash_of_the_whole(text: str, shown: str) -> None:
    assert shorten([client("vim"), client(text)]) == ([client("vim"), client(shown)], int(shown != text))


def test_labels_that_differ_beyond_the_limit_stay_two_series() -> None:
    kept, shortened = shorten([client("a" * 3000 + "x"), client("a" * 3000 + "y")])

    assert (len(set(kept)), shortened) == (2, 2)


@settings(deadline=None)
@given(st.lists(st.tuples(st.text(max_size=20), st.integers(1, 400)).map(lambda made: made[0] * made[1]), unique=True))
def test_no_label_is_longer_than_the_limit_and_no_two_become_one(texts: list[str]) -> None:
    kept, shortened = shorten([client(text) for text in texts])

    shown = [sample.labels[-1] for sample in kept]
    assert max((len(text.encode()) for text in shown), default=0) <= LONGEST_LABEL
    assert len(set(shown)) == len(texts)
    assert shortened == sum(before != after for before, after in zip(texts, shown, strict=True))
    assert [text for text in texts if len(text.encode()) <= LONGEST_LABEL and text not in shown] == []

"""What is told of the vendor's data and of polls, and when: scripted vendors, real polls and the rules."""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.alert_cases import Heard, Told, check, polled
from tests.support.scripted import DAY, HOUR, SOURCE, Instance, Scripted, Spans, at
from tests.support.scripted_people import People, regulars, stopping

pytestmark = pytest.mark.servers("promtool")

TUESDAY, WEDNESDAY, THURSDAY, FRIDAY = (date(2026, 3, day) for day in (10, 11, 12, 13))
# A day is ready at two, and finished soon after.
TWICE_A_DAY = "30 2,14 * * *"


def heard(
    folder: Path,
    instances: Mapping[str, Instance],
    last: date,
    *,
    first: date = TUESDAY,
    step: timedelta = HOUR,
    down: Spans = (),
    stuck: Spans = (),
    **settings: Any,
) -> Heard:
    """What is heard of a running exporter from a day to another; its instances are scopes."""
    schedule = {} if "interval" in settings else {"cron": TWICE_A_DAY}
    known = {"history": "70d", **schedule, **settings}
    return polled(Scripted(instances, at(first), at(last), folder, known, {}, step, down, stuck))


def people() -> People:
    return regulars(100)


def dropping() -> People:
    """Two in five stop on Wednesday."""
    return stopping(people(), WEDNESDAY, 0.4, 100)


def test_a_saturday_without_anybody_is_neither_late_nor_empty(tmp_path: Path) -> None:
    """On other Saturdays one or two come."""
    quiet = date(2026, 3, 14)

    def active(day: date) -> list[int]:
        return [1, 2] if day.weekday() == 5 and day != quiet else list(people()(day))

    check(heard(tmp_path, {"all": Instance(active)}, date(2026, 3, 17), first=FRIDAY), [], tmp_path)


def test_polls_from_monday_to_friday_are_never_late(tmp_path: Path) -> None:
    weeks = heard(tmp_path, {"all": Instance(people())}, date(2026, 3, 18), cron="0 7 * * 1-5")

    check(weeks, [], tmp_path)


def test_a_day_that_comes_eighteen_hours_late_is_told_until_it_comes(tmp_path: Path) -> None:
    def shown(day: date, now: datetime, number: int) -> int:
        return 0 if day == WEDNESDAY and now < at(THURSDAY, 20) else number

    check(
        heard(tmp_path, {"late": Instance(people(), shown), "other": Instance(people())}, FRIDAY, interval="4h"),
        [Told("AdoptionDataLate", at(THURSDAY, 10), at(THURSDAY, 20), scope="late")],
        tmp_path,
    )


def test_days_that_the_vendor_lost_are_told_as_late_and_then_as_empty_and_not_as_a_drop(tmp_path: Path) -> None:
    def shown(day: date, _now: datetime, number: int) -> int:
        return 0 if day >= WEDNESDAY else number

    check(
        heard(tmp_path, {"all": Instance(people(), shown)}, date(2026, 3, 15)),
        [
            Told(
                "AdoptionDataLate",
                at(THURSDAY, 9),
                scope="all",
                says=(
                    "search (all): sourcegraph is late by 7h 0m 0s",
                    (
                        "The newest day that the vendor has finished is 2026-03-10. Polls succeed and bring nothing "
                        "newer. Numbers stay those of that day."
                    ),
                ),
            ),
            Told(
                "AdoptionDayEmpty",
                at(FRIDAY, 4),
                scope="all",
                says=(
                    "search (all): sourcegraph shows nobody at all on a working day",
                    (
                        "87.5 people are usual on a day such as 2026-03-11, and the vendor published it without a "
                        "single person. Rather its analytics lost the day than everybody stopped."
                    ),
                ),
            ),
        ],
        tmp_path,
    )


def test_half_a_day_that_is_completed_ten_hours_later_is_no_drop(tmp_path: Path) -> None:
    def shown(day: date, now: datetime, number: int) -> int:
        return number // 2 if day == WEDNESDAY and now < at(THURSDAY, 12) else number

    check(heard(tmp_path, {"all": Instance(people(), shown)}, FRIDAY, first=WEDNESDAY, interval="2h"), [], tmp_path)


def refused(status: int, since: datetime, until: datetime) -> Any:
    return lambda now: status if since <= now < until else None


NEVER = at(date(2027, 1, 1))


def test_of_three_scopes_one_is_closed_down_and_another_drops_and_both_are_told(tmp_path: Path) -> None:
    """What is known of the one stays for three days; then it is withdrawn as stale, which is no drop."""
    instances = {
        "closed-down": Instance(people(), refusal=refused(404, at(WEDNESDAY, 9), NEVER)),
        "dropping": Instance(dropping()),
        "steady": Instance(people()),
    }

    week = heard(tmp_path, instances, date(2026, 3, 15))

    assert {scope_of(series) for series in week.frames[-1]} >= {"dropping", "steady"}
    assert {series for series in week.frames[-1] if scope_of(series) == "closed-down"} == {
        f'adoption_exporter_scope_success{{source="{SOURCE}",vendor="sourcegraph",scope="closed-down"}}'
    }
    check(
        week,
        [
            Told("AdoptionDropped", at(THURSDAY, 15), scope="dropping"),
            Told(
                "AdoptionScopeFailing",
                at(WEDNESDAY, 18),
                scope="closed-down",
                says=(
                    "search (closed-down): sourcegraph does not let this scope be read, others are",
                    "The status page names the reason. Its numbers stay those of 2026-03-10 until stale_after.",
                ),
            ),
        ],
        tmp_path,
    )


def scope_of(series: str) -> str | None:
    found = re.search(r'scope="([^"]*)"', series)
    return None if found is None else found[1]


def test_a_single_failed_poll_tells_nothing(tmp_path: Path) -> None:
    away = refused(503, at(TUESDAY, 9), at(TUESDAY, 10))

    check(heard(tmp_path, {"all": Instance(people(), refusal=away)}, WEDNESDAY, interval="3h"), [], tmp_path)


def test_a_vendor_that_cannot_be_reached_for_two_days_is_told_once(tmp_path: Path) -> None:
    away = refused(503, at(WEDNESDAY, 9), at(FRIDAY, 9))

    check(
        heard(tmp_path, {"all": Instance(people(), refusal=away)}, date(2026, 3, 14), first=WEDNESDAY, interval="6h"),
        [
            Told(
                "AdoptionPollsFailing",
                at(WEDNESDAY, 15),
                at(FRIDAY, 12),
                says=(
                    "search: polls of sourcegraph have been failing for three hours",
                    (
                        "Failed polls of the last day: unreachable 1, last success 2026-03-11 06:00:00 +0000 UTC. The "
                        "last good numbers stay until stale_after (3 days by default)."
                    ),
                ),
            )
        ],
        tmp_path,
    )


def test_a_refused_token_is_told_at_once_and_only_while_it_is_refused(tmp_path: Path) -> None:
    away = refused(401, at(WEDNESDAY, 9), at(THURSDAY, 9))

    check(
        heard(tmp_path, {"all": Instance(people(), refusal=away)}, FRIDAY, interval="4h"),
        [
            Told("AdoptionPollsFailing", at(WEDNESDAY, 15), at(THURSDAY, 12)),
            Told("AdoptionTokenRefused", at(WEDNESDAY, 13), at(THURSDAY, 12)),
        ],
        tmp_path,
    )


def test_a_token_that_is_refused_from_the_start_is_told_too(tmp_path: Path) -> None:
    away = refused(401, at(TUESDAY), NEVER)

    check(
        heard(tmp_path, {"all": Instance(people(), refusal=away)}, WEDNESDAY),
        [
            Told("AdoptionPollsFailing", at(TUESDAY, 3)),
            Told(
                "AdoptionTokenRefused",
                at(TUESDAY, 1),
                severity="critical",
                says=(
                    "search: sourcegraph refuses the requests, 1 poll(s) in the last three days",
                    (
                        "A 4xx answer or a redirect. Retrying will not help, somebody must look at the token and its "
                        "rights."
                    ),
                ),
            ),
        ],
        tmp_path,
    )


def test_a_nightly_restart_neither_ends_an_alert_nor_delays_one(tmp_path: Path) -> None:
    ten_minutes = timedelta(minutes=10)
    # At noon the drop is known for ten hours, at eleven in the night it is told.
    starts = [at(WEDNESDAY, 23), at(THURSDAY, 12), at(THURSDAY, 23)]

    nightly = heard(
        tmp_path,
        {"all": Instance(dropping())},
        FRIDAY,
        first=WEDNESDAY,
        step=ten_minutes / 2,
        down=[(start, start + ten_minutes) for start in starts],
    )

    check(nightly, [Told("AdoptionDropped", at(THURSDAY, 14.5), scope="all")], tmp_path)


def test_an_exporter_that_is_gone_for_hours_is_told_and_nothing_else(tmp_path: Path) -> None:
    gone = [(at(WEDNESDAY, 3), at(WEDNESDAY, 9))]

    check(
        heard(tmp_path, {"all": Instance(people())}, THURSDAY, down=gone),
        [
            Told(
                "AdoptionExporterDown",
                at(WEDNESDAY, 4),
                at(WEDNESDAY, 9),
                source="",
                severity="critical",
                says=(
                    "no adoption exporter has been scraped for a quarter of an hour",
                    "Prometheus has no series of any replica of adoption. Other adoption alerts cannot fire meanwhile.",
                ),
            )
        ],
        tmp_path,
    )


def test_polls_that_are_due_and_do_not_come_are_told(tmp_path: Path) -> None:
    stuck = [(at(WEDNESDAY, 9), at(THURSDAY, 9))]

    check(
        heard(tmp_path, {"all": Instance(people())}, FRIDAY, stuck=stuck),
        [
            Told(
                "AdoptionPollOverdue",
                at(WEDNESDAY, 20),
                at(THURSDAY, 9),
                says=(
                    "search: sourcegraph is not polled although that is due, or a clock is wrong, by 5h 30m 0s",
                    (
                        "By the exporter's clock the last poll ended 2026-03-11 03:00:00 +0000 UTC and the next is due "
                        "2026-03-11 14:30:00 +0000 UTC."
                    ),
                ),
            )
        ],
        tmp_path,
    )


def test_a_clock_that_is_ahead_is_told(tmp_path: Path) -> None:
    right = heard(tmp_path, {"all": Instance(people())}, WEDNESDAY)
    # By the exporter's clock it is two days later than by that of Prometheus.
    check(replace(right, start=right.start - 2 * DAY), [Told("AdoptionPollOverdue", at(date(2026, 3, 8), 1))], tmp_path)


def test_a_source_that_is_removed_ends_its_alerts_within_the_hour(tmp_path: Path) -> None:
    there = heard(tmp_path, {"all": Instance(dropping())}, date(2026, 3, 14))
    removed = at(FRIDAY, 10)
    frames = [
        frame if there.start + number * HOUR < removed else without(frame, SOURCE)
        for number, frame in enumerate(there.frames)
    ]

    check(
        replace(there, frames=frames),
        [Told("AdoptionDropped", at(THURSDAY, 15), at(FRIDAY, 10), scope="all")],
        tmp_path,
    )


def without(frame: Mapping[str, float], source: str) -> dict[str, float]:
    return {series: value for series, value in frame.items() if f'source="{source}"' not in series}


def test_replicas_tell_an_alert_once_and_the_same_source_of_another_exporter_stays_apart(tmp_path: Path) -> None:
    one = heard(tmp_path, {"all": Instance(dropping())}, FRIDAY)
    other = heard(tmp_path, {"all": Instance(people())}, FRIDAY)
    every = [
        one,
        replace(one, target={"job": "adoption", "instance": "b", "pod": "exporter-b"}),
        replace(other, target={"job": "other", "instance": "c"}),
    ]

    check(every, [Told("AdoptionDropped", at(THURSDAY, 15), scope="all")], tmp_path)

import pytest

from exporter.metrics import ADOPTION, CATALOGUE, COMPANY, EXPORTER, Metric, Sample, sample
from exporter.metrics.questions import QUESTIONS

# The outside, word for word: metric, labels beside those of every metric of its kind. A name or label changes here only
# together with the documentation that users read.
ADOPTION_LABELS = """
adoption_active_users                       window
adoption_active_service_accounts            window
adoption_activity_active_users              window activity
adoption_client_active_users                window client
adoption_language_active_users              window language
adoption_model_active_users                 window model
adoption_team_active_users                  window team
adoption_new_users                          window
adoption_returned_users                     window
adoption_retained_users                     window
adoption_lapsed_users                       window
adoption_frequent_users                     window
adoption_active_users_depth                 window days
adoption_usage                              window activity
adoption_client_usage                       window activity client
adoption_language_usage                     window activity language
adoption_model_usage                        window activity model
adoption_team_usage                         window activity team
adoption_user_usage                         window activity user
adoption_code_lines                         window activity
adoption_code_characters                    window activity
adoption_active_time_seconds                window
adoption_activity_active_time_seconds       window activity
adoption_team_active_time_seconds           window team
adoption_user_active_time_seconds           window user
adoption_tokens                             window kind
adoption_model_tokens                       window kind model
adoption_team_tokens                        window kind team
adoption_spend                              window currency basis
adoption_model_spend                        window currency basis model
adoption_team_spend                         window currency basis team
adoption_spend_data_day_timestamp_seconds
adoption_seats
adoption_seats_idle                         window
adoption_seats_never_used
adoption_seat_price                         currency
adoption_data_day_timestamp_seconds
adoption_data_revisions_total
adoption_active_users_baseline
adoption_data_day_due_timestamp_seconds
adoption_data_day_workday
adoption_workday_timestamp_seconds
adoption_workday_active_users
adoption_workday_active_users_baseline
adoption_active_users_before                window
adoption_active_users_best                  window
adoption_window_workdays                    window
adoption_window_workdays_before             window
adoption_day_active_users                   window day
adoption_day_active_users_baseline          day
adoption_day_workday                        day
adoption_day_revised_timestamp_seconds      day
"""
EXPORTER_LABELS = """
adoption_exporter_build_info                                    version python_version
adoption_exporter_poll_success                                  source vendor
adoption_exporter_scope_success                                 source vendor scope
adoption_exporter_poll_duration_seconds                         source vendor
adoption_exporter_last_poll_timestamp_seconds                   source vendor
adoption_exporter_last_success_timestamp_seconds                source vendor
adoption_exporter_next_poll_timestamp_seconds                   source vendor
adoption_exporter_polls_total                                   source vendor
adoption_exporter_poll_failures_total                           source vendor reason
adoption_exporter_vendor_requests_total                         source vendor code
adoption_exporter_series                                        source vendor
adoption_exporter_series_dropped                                source vendor reason
adoption_exporter_series_shortened                              source vendor
adoption_exporter_token_expiry_timestamp_seconds                source vendor
adoption_exporter_state_up
adoption_exporter_config_last_reload_successful
adoption_exporter_config_last_reload_success_timestamp_seconds
"""


def table(text: str, *labels: str) -> dict[str, tuple[str, ...]]:
    rows = [line.split() for line in text.strip().splitlines()]
    return {name: (*labels, *more) for name, *more in rows}


def test_the_catalogue_has_the_metrics_and_labels_that_users_rely_on() -> None:
    assert {row.name: row.labels for row in ADOPTION} == table(ADOPTION_LABELS, "source", "vendor", "scope")
    assert {row.name: row.labels for row in COMPANY} == {
        "adoption_team_members": ("team",),
        "adoption_company_active_users": ("window",),
        "adoption_company_users_by_tools": ("window", "tools"),
        "adoption_company_shared_users": ("window", "source", "other_source"),
        "adoption_company_team_active_users": ("window", "team"),
        "adoption_company_unmatched_accounts": ("source",),
        "adoption_company_data_day_timestamp_seconds": (),
    }
    assert {row.name: row.labels for row in EXPORTER} == table(EXPORTER_LABELS)


def test_every_metric_has_one_row() -> None:
    names = [row.name for row in (*ADOPTION, *EXPORTER)]

    assert sorted(names) == sorted(set(names))


def test_counters_and_only_they_end_in_total() -> None:
    counters = [row.name for row in CATALOGUE.values() if row.kind == "counter"]

    assert counters == [name for name in CATALOGUE if name.endswith("_total")]


def test_every_help_is_whole_sentences_on_one_line() -> None:
    bad = [
        row.name
        for row in CATALOGUE.values()
        if not row.help.endswith(".") or "\n" in row.help or "  " in row.help or row.help[0].islower()
    ]

    assert bad == []


def test_every_help_of_activities_says_that_they_must_not_be_added() -> None:
    silent = [row.name for row in ADOPTION if "activity" in row.labels and "never add them together" not in row.help]

    assert silent == []


def test_every_help_of_a_window_says_which_days_it_holds() -> None:
    silent = [
        row.name
        for row in ADOPTION
        if "window" in row.labels and f"window of UTC days that ends with the {last_day(row)}" not in row.help
    ]

    assert silent == []


def last_day(row: Metric) -> str:
    return "day" if "day" in row.labels else "data day"


def test_only_the_metrics_of_single_days_have_a_date_and_they_say_of_when_they_are() -> None:
    dated = [row for row in CATALOGUE.values() if "day" in row.labels]

    assert {row.name for row in dated} == {name for name in CATALOGUE if name.startswith("adoption_day_")}
    assert [row.name for row in dated if "as the state knows them now" not in row.help] == []


def test_every_metric_has_a_unit_and_seconds_are_named_so() -> None:
    assert [row.name for row in CATALOGUE.values() if not row.unit] == []
    assert [row.name for row in CATALOGUE.values() if (row.unit == "s") != ("_seconds" in row.name)] == []


def test_a_breakdown_is_a_label_of_its_metric_and_what_has_more_labels_than_a_total_is_one() -> None:
    assert [row.name for row in CATALOGUE.values() if row.breakdown and row.breakdown not in row.labels] == []
    assert [
        row.name
        for row in ADOPTION
        if row.breakdown is None and {"client", "language", "model", "team", "user"} & set(row.labels)
    ] == []


def test_a_sample_has_its_labels_in_the_order_of_the_catalogue() -> None:
    made = sample(
        "adoption_client_usage", 3, client="vim", activity="searches", window="7d", scope="all", vendor="v", source="s"
    )

    assert made == Sample("adoption_client_usage", ("s", "v", "all", "7d", "searches", "vim"), 3)


@pytest.mark.parametrize(
    ("labels", "seen"),
    [
        ({"source": "s", "vendor": "v"}, r"\('source', 'vendor'\)"),
        ({"source": "s", "vendor": "v", "scope": "all", "window": "1d"}, r"\('source', 'vendor', 'scope', 'window'\)"),
    ],
)
def test_a_sample_with_other_labels_is_refused(labels: dict[str, str], seen: str) -> None:
    with pytest.raises(ValueError, match=rf"^adoption_seats has labels \('source', 'vendor', 'scope'\), got {seen}$"):
        sample("adoption_seats", 1, **labels)


def test_a_sample_of_an_unknown_metric_is_refused() -> None:
    with pytest.raises(KeyError, match="adoption_moods"):
        sample("adoption_moods", 1)


def test_every_metric_answers_one_question_of_the_page() -> None:
    assert sorted(name for names in QUESTIONS.values() for name in names) == sorted(CATALOGUE)

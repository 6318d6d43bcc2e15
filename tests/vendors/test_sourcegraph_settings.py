"""The settings of a Sourcegraph source: what is refused, and what to write instead."""

from datetime import timedelta
from pathlib import Path

import pytest

from exporter.vendors.sourcegraph.vendor import SOURCEGRAPH
from tests.support.configurations import load_text, mistakes_in

MODELS = {"sourcegraph": SOURCEGRAPH.settings}


def source(settings: str) -> str:
    return f"sources:\n  cody:\n    vendor: sourcegraph\n    token: secret\n    {settings}\n"


def test_a_token_and_an_instance_are_enough(tmp_path: Path) -> None:
    settings = load_text(tmp_path, source("instances: [ACME.sourcegraphcloud.com]"), MODELS).sources["cody"]

    assert settings.base_url == "https://analytics.sourcegraph.com"
    assert (settings.ready_at, settings.requests_per_minute) == (timedelta(hours=2), 60)
    assert settings.model_dump(include={"instances", "granularity"}) == {
        "instances": ("acme.sourcegraphcloud.com",),
        "granularity": "by_user_day_client_language",
    }


@pytest.mark.parametrize(
    ("settings", "mistake"),
    [
        ("seats: 3", "sources.cody.instances: is missing"),
        ("instances: []", "sources.cody.instances: is empty: name at least one instance"),
        ("instances: a.example.com", "sources.cody.instances: must be a list, not text"),
        ("instances: [a.example.com, A.example.com]", "sources.cody.instances: names an instance twice"),
        (
            'instances: ["https://acme.sourcegraphcloud.com/search?q=x"]',
            (
                "sources.cody.instances[0]: must be a bare host: write acme.sourcegraphcloud.com, "
                'not "https://acme.sourcegraphcloud.com/search?q=x"'
            ),
        ),
        (
            'instances: [a.example.com, " b.example.com "]',
            'sources.cody.instances[1]: must be a bare host: write b.example.com, not " b.example.com "',
        ),
        (
            'instances: ["code.example.com:3443/"]',
            'sources.cody.instances[0]: must be a bare host: write code.example.com:3443, not "code.example.com:3443/"',
        ),
        (
            'instances: [""]',
            'sources.cody.instances[0]: must be a bare host: write acme.sourcegraphcloud.com, not ""',
        ),
        (
            "instances: [acme..example.com]",
            (
                "sources.cody.instances[0]: must have a host without an empty part before, between or after its dots, "
                'not "acme..example.com"'
            ),
        ),
        (
            "instances: [a b]",
            'sources.cody.instances[0]: must be a bare host: write acme.sourcegraphcloud.com, not "a b"',
        ),
        (
            "instances: [a.example.com]\n    granularity: by_user",
            (
                "sources.cody.granularity: cannot be by_user: its rows add up all days and gauges need each day; "
                "use by_user_day_client_language or by_user_day"
            ),
        ),
        (
            "instances: [a.example.com]\n    granularity: by_user_month",
            (
                "sources.cody.granularity: cannot be by_user_month: its rows add up whole months and gauges need each "
                "day; use by_user_day_client_language or by_user_day"
            ),
        ),
        (
            "instances: [a.example.com]\n    granularity: daily",
            'sources.cody.granularity: must be by_user_day_client_language or by_user_day, not "daily"',
        ),
    ],
)
def test_a_mistake_says_what_to_write(settings: str, mistake: str, tmp_path: Path) -> None:
    assert mistakes_in(tmp_path, source(settings), MODELS) == [mistake]

"""The settings of a source at GitHub Copilot: what they mean, and what is a mistake."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from exporter.config.load import redacted
from exporter.vendors import SETTINGS
from tests.support.configurations import load_text, mistakes_in

ONE = {"copilot": SETTINGS["copilot"]}


def source(settings: str) -> str:
    return f"sources: {{hub: {{vendor: copilot, token: secret-token, {settings}}}}}\n"


def shown(folder: Path, settings: str) -> dict[str, Any]:
    found: dict[str, Any] = redacted(load_text(folder, source(settings), ONE))["sources"]["hub"]
    return found


def test_what_is_left_out_has_the_defaults_of_github(tmp_path: Path) -> None:
    found = shown(tmp_path, "organizations: [Acme]")

    assert {key: found[key] for key in ("base_url", "ready_at", "history", "lookback", "requests_per_minute")} == {
        "base_url": "https://api.github.com",
        "ready_at": "2d6h",
        "history": "60d",
        "lookback": "7d",
        "requests_per_minute": 60,
    }
    assert {key: found[key] for key in ("organizations", "report_hosts", "identity", "spend", "service_accounts")} == {
        "organizations": ["acme"],
        "report_hosts": ["copilot-reports.github.com"],
        "identity": "none",
        "spend": "credits",
        "service_accounts": [],
    }


@pytest.mark.parametrize(
    ("settings", "hosts"),
    [
        ("base_url: https://api.octocorp.ghe.com", ["copilot-reports.octocorp.ghe.com"]),
        ("base_url: https://api.octocorp.ghe.com, report_hosts: [x.example.com]", ["x.example.com"]),
        ("base_url: http://127.0.0.1:8080, report_hosts: ['127.0.0.1:8081']", ["127.0.0.1:8081"]),
        ("base_url: http://127.0.0.1:8080/copilot", ["127.0.0.1:8080"]),
        ("base_url: https://api.octocorp.ghe.com.example.net", ["api.octocorp.ghe.com.example.net"]),
        ("base_url: https://api.github.com/", ["copilot-reports.github.com"]),
    ],
)
def test_the_host_of_reports_follows_the_address(tmp_path: Path, settings: str, hosts: list[str]) -> None:
    assert shown(tmp_path, f"enterprise: octocorp, {settings}")["report_hosts"] == hosts


def test_the_token_of_bills_is_not_shown(tmp_path: Path) -> None:
    found = shown(tmp_path, "enterprise: acme, spend: billing, billing: {enterprise: acme, token: other-token}")

    assert found["billing"] == {"enterprise": "acme", "organizations": [], "token": "<secret>"}


@pytest.mark.parametrize(
    ("settings", "mistake"),
    [
        ("history: 7d", "needs either enterprise or organizations"),
        ("enterprise: acme, organizations: [acme]", "needs either enterprise or organizations"),
        ("organizations: []", "needs either enterprise or organizations"),
        ("organizations: [acme, ACME]", "organizations: names an organization twice"),
        (
            "organizations: ['https://github.com/acme']",
            'organizations[0]: must be the name in its address alone, such as acme, not "https://github.com/acme"',
        ),
        ("enterprise: ../x", 'enterprise: must be the name in its address alone, such as acme, not "../x"'),
        ("enterprise: acme, history: 366d", 'history: must be at most 365d, as far back as reports go, not "366d"'),
        ("enterprise: acme, report_hosts: []", "report_hosts: is empty: name the host of reports"),
        (
            "enterprise: acme, report_hosts: ['https://x.example.com']",
            'report_hosts[0]: must be a host such as reports.example.com, or host:port, not "https://x.example.com"',
        ),
        ("enterprise: acme, identity: ldap", 'identity: must be none or saml, not "ldap"'),
        ("enterprise: acme, spend: billing", "needs billing with spend: billing: whose bills are to be read"),
        ("enterprise: acme, billing: {enterprise: acme}", "has billing, which only spend: billing reads"),
        (
            "enterprise: acme, spend: billing, billing: {token: other}",
            "billing: needs either enterprise or organizations",
        ),
        (
            "enterprise: acme, spend: billing, billing: {enterprise: acme, token: a-token, token_file: config.yaml}",
            "billing: cannot have both token and token_file",
        ),
        ("enterprise: acme, service_accounts: ['']", "service_accounts[0]: must not be empty"),
    ],
)
def test_a_mistake_is_named_with_its_key(tmp_path: Path, settings: str, mistake: str) -> None:
    place = "sources.hub" if mistake.startswith(("needs", "has")) else "sources.hub."
    separator = ": " if place == "sources.hub" else ""

    assert mistakes_in(tmp_path, source(settings), ONE) == [f"{place}{separator}{mistake}"]


def test_a_year_of_history_is_the_most() -> None:
    settings = SETTINGS["copilot"].model_validate(
        {"vendor": "copilot", "token": "secret-token", "enterprise": "acme", "history": timedelta(days=365)}
    )

    assert settings.history == timedelta(days=365)

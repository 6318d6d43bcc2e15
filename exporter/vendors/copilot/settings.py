"""The settings of a source at GitHub Copilot: an enterprise or organizations, who asks, teams, e-mails and money."""

import re
from datetime import timedelta
from functools import cached_property
from typing import Annotated, Any, ClassVar, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from exporter.config.durations import Days
from exporter.config.source import BaseUrl, ReadyAt, SourceSettings
from exporter.config.types import ExistingFile, LinkHost, Secret, Settings
from exporter.vendors.github_app_settings import GitHubAppSettings

GITHUB = "https://api.github.com"

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]{0,98}[A-Za-z0-9])?")
# With data residency: https://api.SUBDOMAIN.ghe.com (2026-11).
_GHE = re.compile(r"api\.([a-z0-9-]+)\.ghe\.com")
# Reports go back one year (2026-11).
_LONGEST = timedelta(days=365)


def _name(text: str) -> str:
    """A login or slug in lower case, as GitHub compares them."""
    if not _NAME.fullmatch(text):
        raise ValueError("must be the name in its address alone, such as acme")
    return text.lower()


def _every_name_once(names: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(names)) < len(names):
        raise ValueError("names an organization twice")
    return names


def _some(hosts: tuple[str, ...]) -> tuple[str, ...]:
    if not hosts:
        raise ValueError("is empty: name the host of reports")
    return hosts


def _within_a_year(history: timedelta) -> timedelta:
    if history > _LONGEST:
        raise ValueError(f"must be at most {_LONGEST.days}d, as far back as reports go")
    return history


Name = Annotated[str, AfterValidator(_name)]
Names = Annotated[tuple[Name, ...], AfterValidator(_every_name_once)]


class BillingSettings(Settings):
    """Whose bills are read, and with which token where it is not the source's. One of `enterprise`, `organizations`."""

    enterprise: Name | None = None
    organizations: Names = ()
    token: Secret | None = None
    token_file: ExistingFile | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        _exactly_one(self.enterprise, self.organizations)
        if self.token is not None and self.token_file is not None:
            raise ValueError("cannot have both token and token_file")
        return self


class CopilotSettings(SourceSettings):
    """A source at GitHub Copilot: one of `enterprise` and `organizations`, each of which is a scope.

    `app` replaces the token. `report_hosts` are where signed links to reports may lead.
    """

    instead_of_token: ClassVar = ("app",)
    has_teams: ClassVar[bool] = True
    registers_seats: ClassVar[bool] = True
    also_called: ClassVar = ("github", "github-copilot")
    one_needed: ClassVar = ("organizations", "enterprise")

    base_url: BaseUrl = GITHUB
    ready_at: ReadyAt = timedelta(days=2, hours=6)
    history: Annotated[Days, AfterValidator(_within_a_year)] = timedelta(days=60)
    enterprise: Name | None = None
    organizations: Names = ()
    app: GitHubAppSettings | None = None
    report_hosts: Annotated[tuple[LinkHost, ...], AfterValidator(_some)] = ("copilot-reports.github.com",)
    identity: Literal["none", "saml"] = "none"
    service_accounts: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    spend: Literal["credits", "billing", "none"] = "credits"
    billing: BillingSettings | None = None

    @cached_property
    def robots(self) -> frozenset[str]:
        """The logins of service accounts in lower case, as GitHub compares them."""
        return frozenset(login.lower() for login in self.service_accounts)

    @model_validator(mode="before")
    @classmethod
    def _hosts_of(cls, given: Any) -> Any:
        """Where `report_hosts` are left out, they are those of `base_url`."""
        host = _report_host(given.get("base_url")) if isinstance(given, dict) and "report_hosts" not in given else None
        return given if host is None else {**given, "report_hosts": [host]}

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        _exactly_one(self.enterprise, self.organizations)
        if self.spend == "billing" and self.billing is None:
            raise ValueError("needs billing with spend: billing: whose bills are to be read")
        if self.spend != "billing" and self.billing is not None:
            raise ValueError("has billing, which only spend: billing reads")
        return self


def _exactly_one(enterprise: str | None, organizations: tuple[str, ...]) -> None:
    if (enterprise is None) == (not organizations):
        raise ValueError("needs either enterprise or organizations")


def _report_host(address: object) -> str | None:
    """The host of reports; None for that of GitHub, and for what is no address, which another check reports."""
    if not isinstance(address, str) or address.rstrip("/") == GITHUB or "@" in address:
        return None
    try:
        host = urlsplit(address).netloc
    except ValueError:
        return None
    subdomain = _GHE.fullmatch(host)
    # A server that is none of GitHub's gets the token, so it may have the reports too.
    return f"copilot-reports.{subdomain[1]}.ghe.com" if subdomain else host or None

"""What a refusal of GitHub means, and what has to be done: a 403 has several reasons (2026-11)."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Literal

from exporter.errors import Rejected
from exporter.redaction import presentable

Kind = Literal["organization", "enterprise"]
Part = Literal["metrics", "seats", "billing", "saml"]

# What reading each part takes.
_WANTED: Mapping[tuple[Part, Kind], str] = {
    ("metrics", "organization"): "Organization Copilot metrics: read; a classic token read:org, of an owner or a user "
    "with the role View Organization Copilot Metrics",
    ("metrics", "enterprise"): "Enterprise Copilot metrics: read, of an App that is installed on the enterprise; a "
    "classic token manage_billing:copilot or read:enterprise, of an owner or billing manager",
    ("seats", "organization"): "GitHub Copilot Business: read; a classic token manage_billing:copilot, of an owner",
    ("seats", "enterprise"): "a classic token with manage_billing:copilot or read:enterprise, of an owner or billing "
    "manager",
    ("billing", "organization"): "Administration of the organization: read; a classic token manage_billing:copilot or "
    "admin:org, of an owner",
    ("billing", "enterprise"): "a classic token with manage_billing:enterprise, of an owner or billing manager",
    ("saml", "organization"): "Members of the organization: read; a classic token read:org, of an owner",
    ("saml", "enterprise"): "a classic token with read:enterprise, of an owner",
}
_POLICY = (
    "the policy 'Copilot usage metrics' is off: set it to Enabled everywhere, for an organization of an enterprise "
    "under the enterprise's AI Controls > Copilot > Billing & usage; the first report comes a day later"
)
_SSO = "the token must be authorized for single sign-on: Configure SSO beside it in its owner's settings"
_HIDDEN = "either there is no such {kind}, or the token may not see it"
_PERMISSIONS = "x-accepted-github-permissions"


@contextmanager
def explained(part: Part, kind: Kind) -> Iterator[None]:
    """Adds to a refusal what it means."""
    try:
        yield
    except Rejected as error:
        hint = _hint(error, part, kind)
        if hint is None:
            raise
        raise Rejected(f"{error}; {hint}", status=error.status, words=error.words, headers=error.headers) from error


def _hint(error: Rejected, part: Part, kind: Kind) -> str | None:
    wanted = f"it takes {_WANTED[part, kind]}"
    if error.status == 404:
        return f"{_HIDDEN.format(kind=kind)}; {wanted}"
    words = error.words.lower()
    if error.status != 403 or "ip allow list" in words:
        return None
    if "policy must be enabled" in words:
        return _POLICY
    if "x-github-sso" in error.headers or "saml enforcement" in words:
        return _SSO
    named = error.headers.get(_PERMISSIONS)
    told = "" if named is None else f" (GitHub names {presentable(named, [])})"
    return f"a permission is missing{told}: {wanted}"

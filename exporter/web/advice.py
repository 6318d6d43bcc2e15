"""Advice on a failed poll, by its reason and HTTP status, or if the state failed."""

from collections.abc import Mapping

from exporter.errors import Failure

# Looked up by the exact status, else by its first digit, else by the reason alone.
_ADVICE: Mapping[tuple[str, int | None], str] = {
    ("unreachable", None): "Check the way from here to base_url: name, port, proxy, firewall, certificate (ca_file).",
    ("unreachable", 5): "The vendor's server is out of order. There is nothing to do here but wait: polls go on.",
    ("rate_limited", None): "The quota is used up. Lower requests_per_minute, or see who else uses the same token.",
    ("rejected", 3): "The vendor has moved, and a token is not sent to another address: correct base_url.",
    (
        "rejected",
        401,
    ): "The token is wrong, expired or revoked: put a new one in (token_file, or token and reload).",
    ("rejected", 403): "The token is good, but may not read this: give it the permission that docs/vendors names.",
    (
        "rejected",
        404,
    ): "Nothing is there for this token: check base_url, configured names, permissions.",
    ("rejected", None): "The vendor refuses, and will again: compare the source's configuration with what it says.",
    ("payload", None): "The answer cannot be right, so nothing of it was stored. If it goes on for a day, report it.",
    ("bug", None): "This is a mistake in adoption-exporter: report it, with the log at --log.level debug.",
}


_STATE = "Check state.url: does its server answer, or has its disk space left and is its file writable? Polls go on."


def advice(failure: Failure) -> str:
    """The operator's next step, in a sentence or two."""
    if failure.of_state:
        return _STATE
    reason, status = failure.reason, failure.status
    digit = None if status is None else status // 100
    found = [_ADVICE[reason, key] for key in (status, digit, None) if (reason, key) in _ADVICE]
    return found[0]

"""The error that a response with an unwanted status becomes."""

import math
from datetime import datetime
from urllib.parse import urljoin, urlsplit

import httpx

from exporter.errors import RateLimited, Rejected, Unreachable, VendorError
from exporter.transport.retries import LONGEST_PAUSE, RetryableError, asked_pause


def hold_redirect(response: httpx.Response) -> None:
    """Moves a redirect's address into the extensions: httpx 0.28 parses it even if it may not follow it, and may fail.

    An event hook of httpx.
    """
    if response.is_redirect:
        response.extensions["location"] = response.headers.pop("location", "")


def redirect_host(response: httpx.Response) -> str:
    """The host that a redirect leads to, as the vendor wrote it."""
    try:
        return urlsplit(urljoin(str(response.url), response.extensions["location"])).hostname or "nowhere"
    except ValueError:
        return "an unreadable address"


def redirected(where: str, status: int, host: str) -> VendorError:
    """The error for a redirect; `host` is fit for a message."""
    return Rejected(
        f"{where}: {status}, redirected to {host}; the token is never sent elsewhere, check base_url", status=status
    )


def refused(
    response: httpx.Response, where: str, vendor_words: str, tries: str, now: datetime, advice: str
) -> VendorError | RetryableError:
    """The error for any other status.

    `vendor_words` is the vendor's explanation, fit for a message, or ""; `tries` says how many attempts there are, and
    `advice` what to check after a 401.
    """
    status = response.status_code
    words = f": {vendor_words}" if vendor_words else ""
    limited = limits(response) or (status == 403 and "rate limit" in vendor_words.lower())
    if 400 <= status < 500 and not limited:
        hint = f", the token was refused; {advice}" if status == 401 else ""
        return Rejected(f"{where}: {status}{hint}{words}", status=status, words=vendor_words, headers=response.headers)
    kind = RateLimited if limited else Unreachable
    pause = asked_pause(response.headers, now)
    if pause is not None and pause > LONGEST_PAUSE:
        message = f"{where}: {status}, the vendor asks to wait {math.ceil(pause)} s{words}"
        return kind(message, status=status, pause=pause)
    if pause is None and status == 403:
        # GitHub wants a minute at least, and may ban who goes on earlier (2026-11).
        pause = LONGEST_PAUSE
    return RetryableError(kind(f"{where}: {status} in {tries}{words}", status=status), pause)


def limits(response: httpx.Response) -> bool:
    """Whether a response is a rate limit: a 429, or a 403 whose headers ask to wait, as GitHub sends it (2026-11)."""
    if response.status_code == 403:
        return "retry-after" in response.headers or response.headers.get("x-ratelimit-remaining", "").strip() == "0"
    return response.status_code == 429

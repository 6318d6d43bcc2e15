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
    response: httpx.Response, where: str, vendor_words: str, tries: str, now: datetime
) -> VendorError | RetryableError:
    """The error for any other status.

    `vendor_words` is the vendor's explanation, fit for a message, or ""; `tries` says how many attempts there are.
    """
    status = response.status_code
    words = f": {vendor_words}" if vendor_words else ""
    if status == 401:
        return Rejected(f"{where}: 401, the token was refused; check token/token_file{words}", status=status)
    if 400 <= status < 500 and status != 429:
        return Rejected(f"{where}: {status}{words}", status=status)
    kind = RateLimited if status == 429 else Unreachable
    pause = asked_pause(response.headers, now)
    if pause is not None and pause > LONGEST_PAUSE:
        message = f"{where}: {status}, the vendor asks to wait {math.ceil(pause)} s{words}"
        return kind(message, status=status)
    return RetryableError(kind(f"{where}: {status} in {tries}{words}", status=status), pause)

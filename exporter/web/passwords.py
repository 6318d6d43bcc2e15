"""Basic authentication against bcrypt hashes: a new password costs a hash, the next request with it does not."""

import asyncio
import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

import bcrypt

# bcrypt looks at no more, and the library refuses what is longer.
_LONGEST = 72
_THREADS = 2


class Passwords:
    """Checks `Authorization` headers. Only what was accepted is remembered: one keyed digest for each user."""

    def __init__(self, check: Callable[[bytes, bytes], bool] = bcrypt.checkpw) -> None:
        self._check = check
        self._key = secrets.token_bytes(32)
        self._accepted: dict[str, bytes] = {}
        # A hash takes a tenth of a second of a core: neither the event loop nor the polls may wait for many.
        self._threads = ThreadPoolExecutor(_THREADS, "bcrypt")
        # Who waits for a thread waits here, and is forgotten when the server stops.
        self._free = asyncio.Semaphore(_THREADS)

    async def fit(self, authorization: str, users: Mapping[str, bytes]) -> bool:
        """Whether a header names one of the users (names to bcrypt hashes, at least one) and that user's password.

        An unknown user costs a hash too, so that time does not tell which users there are.
        """
        credentials = _credentials(authorization)
        if credentials is None:
            return False
        user, password = credentials
        known = user in users
        hashed = users[user] if known else next(iter(users.values()))
        digest = hmac.digest(self._key, hashed + password, hashlib.sha256)
        if known and hmac.compare_digest(self._accepted.get(user, b""), digest):
            return True
        async with self._free:
            loop = asyncio.get_running_loop()
            right = await loop.run_in_executor(self._threads, self._check, password[:_LONGEST], hashed)
        if known and right:
            self._accepted[user] = digest
        return known and right


def _credentials(authorization: str) -> tuple[str, bytes] | None:
    """The user and the password of a header; None where it is no basic authentication."""
    scheme, _, token = authorization.partition(" ")
    try:
        user, colon, password = base64.b64decode(token.strip(), validate=True).partition(b":")
        return (user.decode(), password) if scheme.lower() == "basic" and colon else None
    except (binascii.Error, ValueError):
        return None

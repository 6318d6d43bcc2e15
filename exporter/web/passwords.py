"""Basic authentication against bcrypt hashes; a password that was checked before costs no second hash."""

import asyncio
import base64
import binascii
import hashlib
import hmac
import secrets
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

import bcrypt

# bcrypt uses no more bytes, and the library refuses a longer password.
_LONGEST = 72
_THREADS = 2
# A request that waits for a thread holds a connection: a crowd with wrong passwords must not hold them all.
_MOST_WAITING = 32
_MOST_REFUSED = 1024


class CrowdedError(Exception):
    """Too many passwords wait to be checked."""


class Passwords:
    """Checks `Authorization` headers.

    Keeps keyed digests of checked passwords: the accepted one of each user and the last thousand refused ones, since a
    client with an old password retries it for ever.
    """

    def __init__(self, check: Callable[[bytes, bytes], bool] = bcrypt.checkpw) -> None:
        self._check = check
        self._key = secrets.token_bytes(32)
        self._accepted: dict[str, bytes] = {}
        self._refused: dict[bytes, None] = {}
        # A hash takes a core a tenth of a second: many must delay neither the event loop nor the polls.
        self._threads = ThreadPoolExecutor(_THREADS, "bcrypt")
        self._free = _THREADS
        self._waiting: deque[asyncio.Future[bool]] = deque()

    async def fit(self, authorization: str, users: Mapping[str, bytes]) -> bool:
        """Whether a header has the name and password of one of the users (names to bcrypt hashes, at least one).

        Every refusal costs as much as the costliest hash, so that timing does not reveal which users exist. Raises
        CrowdedError.
        """
        credentials = _credentials(authorization)
        if credentials is None:
            return False
        user, password = credentials
        cost = max(map(_cost, users.values()))
        hashed = users.get(user, _nobodys_hash(cost))
        # Neither a user name nor a hash contains a colon.
        digest = hmac.digest(self._key, b":".join((user.encode(), hashed, password)), hashlib.sha256)
        if (known := self._known(user, digest)) is not None:
            return known
        await self._wait_for_thread()
        try:
            # Another request may have checked the same password meanwhile.
            if (known := self._known(user, digest)) is not None:
                return known
            loop = asyncio.get_running_loop()
            right = await loop.run_in_executor(self._threads, self._compare, password[:_LONGEST], hashed, cost)
        finally:
            self._give_thread_back()
        return self._remember(user, digest, right=right and user in users)

    def _known(self, user: str, digest: bytes) -> bool | None:
        if hmac.compare_digest(self._accepted.get(user, b""), digest):
            return True
        return False if digest in self._refused else None

    def _remember(self, user: str, digest: bytes, *, right: bool) -> bool:
        if right:
            self._accepted[user] = digest
        else:
            self._refused[digest] = None
            if len(self._refused) > _MOST_REFUSED:
                del self._refused[next(iter(self._refused))]
        return right

    async def _wait_for_thread(self) -> None:
        if self._free:
            self._free -= 1
            return
        if len(self._waiting) >= _MOST_WAITING:
            self._resolve(self._waiting.popleft(), admitted=False)
        admitted: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append(admitted)
        if not await admitted:
            raise CrowdedError

    def _give_thread_back(self) -> None:
        # Newest first: in a crowd some must be refused, and those who have waited longest have probably left.
        while self._waiting:
            if self._resolve(self._waiting.pop(), admitted=True):
                return
        self._free += 1

    @staticmethod
    def _resolve(waiting: asyncio.Future[bool], *, admitted: bool) -> bool:
        """Ends a request's wait; False if the server's shutdown has ended it already."""
        if waiting.done():
            return False
        waiting.set_result(admitted)
        return True

    def _compare(self, password: bytes, hashed: bytes, cost: int) -> bool:
        """Whether a password matches a hash. A mismatch does the work of `cost`: 2 ** cost rounds in total."""
        right = self._check(password, hashed)
        if not right:
            for missing in range(_cost(hashed), cost):
                self._check(password, _nobodys_hash(missing))
        return right


def _cost(hashed: bytes) -> int:
    return int(hashed[4:6])


def _nobodys_hash(cost: int) -> bytes:
    """A hash that no password matches, with the work of a cost."""
    return b"$2b$%02d$" % cost + b"." * 53


def _credentials(authorization: str) -> tuple[str, bytes] | None:
    """The user and password in a header; None if it is no basic authentication."""
    scheme, _, token = authorization.partition(" ")
    try:
        user, colon, password = base64.b64decode(token.strip(), validate=True).partition(b":")
        return (user.decode(), password) if scheme.lower() == "basic" and colon else None
    except (binascii.Error, ValueError):
        return None

"""Basic authentication against bcrypt hashes: a new password costs a hash, the next request with it does not."""

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

# bcrypt looks at no more, and the library refuses what is longer.
_LONGEST = 72
_THREADS = 2
# What waits for a thread holds a connection: a crowd with wrong passwords must not hold them all.
_MOST_WAITING = 32
_MOST_REFUSED = 1024


class CrowdedError(Exception):
    """More passwords wait to be checked than there is room for."""


class Passwords:
    """Checks `Authorization` headers.

    Of what was checked keyed digests are remembered: the accepted one of each user, and the last thousand refused ones,
    since a client with an old password tries it again and again.
    """

    def __init__(self, check: Callable[[bytes, bytes], bool] = bcrypt.checkpw) -> None:
        self._check = check
        self._key = secrets.token_bytes(32)
        self._accepted: dict[str, bytes] = {}
        self._refused: dict[bytes, None] = {}
        # A hash takes a tenth of a second of a core: neither the event loop nor the polls may wait for many.
        self._threads = ThreadPoolExecutor(_THREADS, "bcrypt")
        self._free = _THREADS
        self._waiting: deque[asyncio.Future[bool]] = deque()

    async def fit(self, authorization: str, users: Mapping[str, bytes]) -> bool:
        """Whether a header names one of the users (names to bcrypt hashes, at least one) and that user's password.

        Every refusal costs the work of the costliest hash, so that time does not tell which users there are. Raises
        CrowdedError.
        """
        credentials = _credentials(authorization)
        if credentials is None:
            return False
        user, password = credentials
        cost = max(map(_cost, users.values()))
        hashed = users.get(user, _nobodys_hash(cost))
        # Neither a user's name nor a hash holds a colon.
        digest = hmac.digest(self._key, b":".join((user.encode(), hashed, password)), hashlib.sha256)
        if (known := self._known(user, digest)) is not None:
            return known
        await self._wait_for_thread()
        try:
            # Another request may have brought the same password while this one waited.
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
            self._tell(self._waiting.popleft(), admitted=False)
        turn: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        if not await turn:
            raise CrowdedError

    def _give_thread_back(self) -> None:
        # The newest is next. In a crowd somebody must be refused, and whoever has waited longest has probably left.
        while self._waiting:
            if self._tell(self._waiting.pop(), admitted=True):
                return
        self._free += 1

    @staticmethod
    def _tell(turn: asyncio.Future[bool], *, admitted: bool) -> bool:
        """Ends somebody's wait; False where it has ended already, since the server stops."""
        if turn.done():
            return False
        turn.set_result(admitted)
        return True

    def _compare(self, password: bytes, hashed: bytes, cost: int) -> bool:
        """Whether a password fits a hash. Where it does not, the work is that of `cost`: 2 ** cost rounds in sum."""
        right = self._check(password, hashed)
        if not right:
            for missing in range(_cost(hashed), cost):
                self._check(password, _nobodys_hash(missing))
        return right


def _cost(hashed: bytes) -> int:
    return int(hashed[4:6])


def _nobodys_hash(cost: int) -> bytes:
    """A hash that no password fits, to spend the work of a cost."""
    return b"$2b$%02d$" % cost + b"." * 53


def _credentials(authorization: str) -> tuple[str, bytes] | None:
    """The user and the password of a header; None where it is no basic authentication."""
    scheme, _, token = authorization.partition(" ")
    try:
        user, colon, password = base64.b64decode(token.strip(), validate=True).partition(b":")
        return (user.decode(), password) if scheme.lower() == "basic" and colon else None
    except (binascii.Error, ValueError):
        return None

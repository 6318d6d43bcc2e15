import asyncio
import base64
import threading

import bcrypt
import pytest

from exporter.web.passwords import Passwords

USERS = {
    "alice": bcrypt.hashpw(b"correct horse", bcrypt.gensalt(4)),
    "bob": bcrypt.hashpw(b"battery staple", bcrypt.gensalt(4)),
}


class Hashes:
    """bcrypt, counted."""

    def __init__(self) -> None:
        self.made: list[bytes] = []
        self.threads: set[str] = set()
        self.passwords = Passwords(self._check)

    def _check(self, password: bytes, hashed: bytes) -> bool:
        self.made.append(password)
        self.threads.add(threading.current_thread().name.split("_")[0])
        return bcrypt.checkpw(password, hashed)

    def fit(self, *authorizations: str) -> list[bool]:
        async def all_of_them() -> list[bool]:
            return [await self.passwords.fit(authorization, USERS) for authorization in authorizations]

        return asyncio.run(all_of_them())


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def test_a_password_costs_one_hash_however_often_it_is_used() -> None:
    hashes = Hashes()

    assert hashes.fit(*[basic("alice", "correct horse")] * 5, basic("bob", "battery staple")) == [True] * 6
    assert hashes.made == [b"correct horse", b"battery staple"]


def test_every_wrong_password_costs_a_hash_and_so_does_an_unknown_user() -> None:
    hashes = Hashes()

    assert hashes.fit(basic("alice", "wrong"), basic("alice", "wrong"), basic("nobody", "correct horse")) == [False] * 3
    assert hashes.made == [b"wrong", b"wrong", b"correct horse"]


def test_a_wrong_password_after_the_right_one_does_not_push_it_out() -> None:
    hashes = Hashes()

    answers = hashes.fit(basic("alice", "correct horse"), basic("alice", "no"), basic("alice", "correct horse"))

    assert answers == [True, False, True]
    assert len(hashes.made) == 2


def test_a_changed_hash_is_checked_anew() -> None:
    hashes = Hashes()
    changed = {**USERS, "alice": bcrypt.hashpw(b"new", bcrypt.gensalt(4))}

    assert hashes.fit(basic("alice", "correct horse")) == [True]
    assert asyncio.run(hashes.passwords.fit(basic("alice", "correct horse"), changed)) is False
    assert asyncio.run(hashes.passwords.fit(basic("alice", "new"), changed)) is True


def test_hashes_are_made_beside_the_event_loop() -> None:
    hashes = Hashes()

    hashes.fit(basic("alice", "correct horse"))

    assert hashes.threads == {"bcrypt"}


@pytest.mark.parametrize(
    "authorization",
    ["", "Basic", "Basic !", "Basic YWxpY2U=", "Bearer YWxpY2U6eA==", "Basic /w==", "Basic " + "A" * 7, "Basic é"],
)
def test_what_is_no_basic_authentication_costs_nothing(authorization: str) -> None:
    hashes = Hashes()

    assert hashes.fit(authorization) == [False]
    assert hashes.made == []


def test_a_password_may_hold_colons_and_other_letters_and_be_long() -> None:
    long = "ä:" * 50
    users = {"alice": bcrypt.hashpw(long.encode()[:72], bcrypt.gensalt(4))}

    assert asyncio.run(Passwords().fit(basic("alice", long), users)) is True
    assert asyncio.run(Passwords().fit(basic("alice", "a" + long), users)) is False


def test_many_at_once_take_turns() -> None:
    hashes = Hashes()

    async def all_at_once() -> list[bool]:
        return await asyncio.gather(*(hashes.passwords.fit(basic("alice", "wrong"), USERS) for _ in range(20)))

    assert asyncio.run(all_at_once()) == [False] * 20
    assert len(hashes.made) == 20

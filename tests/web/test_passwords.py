import asyncio
import base64
import threading
from collections.abc import Mapping

import bcrypt
import pytest

from exporter.web.passwords import CrowdedError, Passwords

# A few dozen: what may wait, and the two that are being checked.
MOST = 34
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


def test_a_wrong_password_costs_one_hash_however_often_it_is_tried_and_so_does_an_unknown_user() -> None:
    hashes = Hashes()
    tried = [basic("alice", "wrong"), basic("alice", "other"), basic("nobody", "correct horse"), basic("x", "wrong")]

    assert hashes.fit(*tried, *tried) == [False] * 8
    assert hashes.made == [b"wrong", b"other", b"correct horse", b"wrong"]


def test_wrong_passwords_are_not_remembered_without_end() -> None:
    made: list[bytes] = []
    passwords = Passwords(lambda password, _: bool(made.append(password)))  # type: ignore[func-returns-value]
    many = [basic("nobody", str(number)) for number in range(1100)]

    async def all_of_them() -> list[bool]:
        return [await passwords.fit(authorization, USERS) for authorization in (*many, many[-1], many[0])]

    assert asyncio.run(all_of_them()) == [False] * 1102
    assert made[1100:] == [b"0"]


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
        return await asyncio.gather(*(hashes.passwords.fit(basic("alice", str(number)), USERS) for number in range(20)))

    assert asyncio.run(all_at_once()) == [False] * 20
    assert len(hashes.made) == 20


class Work:
    """Counts what bcrypt would have done, in rounds of its key schedule: 2 to the power of the cost."""

    def __init__(self) -> None:
        self.rounds = 0

    def check(self, password: bytes, hashed: bytes) -> bool:
        self.rounds += 2 ** int(hashed[4:6])
        return hashed in (b"$2b$05$" + b"r" * 53, b"$2b$09$" + b"r" * 53) and password == b"right"

    def of(self, authorization: str, users: Mapping[str, bytes]) -> tuple[bool, int]:
        self.rounds = 0
        return asyncio.run(Passwords(self.check).fit(authorization, users)), self.rounds


def test_every_refusal_costs_as_much_as_the_costliest_users_whoever_was_named() -> None:
    users = {"cheap": b"$2b$05$" + b"r" * 53, "dear": b"$2b$09$" + b"r" * 53, "cheapest": b"$2b$04$" + b"w" * 53}

    assert {name: Work().of(basic(name, "wrong"), users) for name in (*users, "nobody", "")} == dict.fromkeys(
        (*users, "nobody", ""), (False, 2**9)
    )
    assert Work().of(basic("cheap", "right"), users) == (True, 2**5)
    assert Work().of(basic("nobody", "right"), users) == (False, 2**9)


def test_the_hash_against_which_nobody_is_checked_is_one_that_bcrypt_takes() -> None:
    costlier = {**USERS, "carol": bcrypt.hashpw(b"x", bcrypt.gensalt(6))}

    assert asyncio.run(Passwords().fit(basic("nobody", "x"), costlier)) is False
    assert asyncio.run(Passwords().fit(basic("alice", "x"), costlier)) is False


class Slow:
    """bcrypt that goes on when it is told to."""

    def __init__(self) -> None:
        self.made: list[bytes] = []
        self.go_on = threading.Event()
        self.passwords = Passwords(self._check)

    def _check(self, password: bytes, hashed: bytes) -> bool:
        assert self.go_on.wait(60)
        self.made.append(password)
        return bcrypt.checkpw(password, hashed)

    async def ask(self, *authorizations: str) -> list["asyncio.Task[bool]"]:
        """Begins to ask with one after the other."""
        tasks = []
        for authorization in authorizations:
            tasks.append(asyncio.create_task(self.passwords.fit(authorization, USERS)))
            await asyncio.sleep(0)
        return tasks


def outcome(task: "asyncio.Task[bool]") -> bool | str:
    error = task.exception()
    return task.result() if error is None else type(error).__name__


def test_a_few_dozen_may_wait_and_beyond_them_whoever_has_waited_longest_is_refused() -> None:
    slow = Slow()

    async def crowd() -> list[bool | str]:
        tasks = await slow.ask(*(basic("alice", f"wrong-{number}") for number in range(600)))
        while sum(task.done() for task in tasks) < 600 - MOST:
            await asyncio.sleep(0)
        slow.go_on.set()
        await asyncio.wait(tasks)
        return [outcome(task) for task in tasks]

    assert asyncio.run(crowd()) == [False] * 2 + [CrowdedError.__name__] * (600 - MOST) + [False] * (MOST - 2)
    assert len(slow.made) == MOST


def test_who_comes_while_the_others_wait_is_next_and_a_known_password_does_not_wait_at_all() -> None:
    slow = Slow()

    async def crowd() -> list[bool | str]:
        slow.go_on.set()
        assert await slow.passwords.fit(basic("bob", "battery staple"), USERS)
        slow.go_on.clear()
        slow.made.clear()
        tasks = await slow.ask(*(basic("alice", f"wrong-{number}") for number in range(600)))
        assert await slow.passwords.fit(basic("bob", "battery staple"), USERS)
        (newest,) = await slow.ask(basic("alice", "correct horse"))
        slow.go_on.set()
        await asyncio.wait([*tasks, newest])
        return [outcome(newest), *{outcome(task) for task in tasks}]

    newest, *others = asyncio.run(crowd())

    assert newest is True
    assert sorted(map(str, others)) == ["CrowdedError", "False"]
    assert b"correct horse" in slow.made[:4]


def test_many_with_one_password_cost_no_more_than_those_that_are_checked_at_once() -> None:
    slow = Slow()

    async def crowd() -> list[bool]:
        tasks = await slow.ask(*[basic("alice", "correct horse")] * MOST)
        slow.go_on.set()
        return await asyncio.gather(*tasks)

    assert asyncio.run(crowd()) == [True] * MOST
    assert slow.made == [b"correct horse"] * 2


def test_whoever_leaves_while_waiting_holds_up_nobody() -> None:
    slow = Slow()

    async def crowd() -> list[bool]:
        tasks = await slow.ask(*(basic("alice", f"wrong-{number}") for number in range(10)))
        for task in tasks[2:9]:
            task.cancel()
        slow.go_on.set()
        return await asyncio.gather(*tasks[:2], tasks[9], *await slow.ask(basic("alice", "correct horse")))

    assert asyncio.run(crowd()) == [False, False, False, True]

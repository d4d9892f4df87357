"""Checking passwords: what is remembered, and who waits for whom."""

from __future__ import annotations

import asyncio
import threading

import bcrypt
import pytest

from pki import hashed
from shortgenius_exporter.core.secret import Secret
from shortgenius_exporter.web.passwords import BusyError, Passwords, Turns, stand_in

USERS = {"prometheus": Secret(hashed("right"))}


class Checks:
    """Counts what it is asked; with ``gate``, answers only once that is open."""

    def __init__(self, gate: threading.Event | None = None) -> None:
        self.passwords: list[bytes] = []
        self.begun = threading.Event()
        self._gate = gate

    def __call__(self, password: bytes, hashed: bytes) -> bool:
        self.passwords.append(password)
        self.begun.set()
        if self._gate is not None:
            assert self._gate.wait(10)
        return bcrypt.checkpw(password, hashed)


def accepts(passwords: Passwords, name: str, password: bytes) -> bool:
    return asyncio.run(passwords.accepts(USERS, name, password, "10.0.0.1"))


@pytest.mark.parametrize(
    ("name", "password", "expected"),
    [
        ("prometheus", b"right", True),
        ("prometheus", b"wrong", False),
        ("prometheus", b"", False),
        ("prometheus", b"right\0", False),
        ("nobody", b"right", False),
        ("", b"", False),
    ],
)
def test_only_a_user_with_the_password_is_accepted(name: str, password: bytes, expected: bool) -> None:
    assert accepts(Passwords(b"key"), name, password) is expected


def test_passwords_count_up_to_72_bytes_as_everywhere_with_bcrypt() -> None:
    users = {"u": Secret(hashed("x" * 72))}
    assert asyncio.run(Passwords(b"key").accepts(users, "u", b"x" * 100, "a"))


def test_an_answer_is_worked_out_once() -> None:
    checks = Checks()
    passwords = Passwords(b"key", checks)
    assert [accepts(passwords, "prometheus", b"right") for _ in range(3)] == [True, True, True]
    assert [accepts(passwords, "prometheus", b"wrong") for _ in range(3)] == [False, False, False]
    assert [accepts(passwords, "nobody", b"wrong") for _ in range(3)] == [False, False, False]
    assert checks.passwords == [b"right", b"wrong", b"wrong"]


def test_wrong_guesses_never_push_out_what_is_right() -> None:
    checks = Checks()
    passwords = Passwords(b"key", checks)
    accepts(passwords, "prometheus", b"right")
    for guess in range(1100):
        accepts(passwords, "nobody", str(guess).encode())
    done = len(checks.passwords)
    assert accepts(passwords, "prometheus", b"right")
    assert len(checks.passwords) == done
    assert accepts(passwords, "nobody", b"0") is False
    assert len(checks.passwords) == done + 1, "the oldest guess was still remembered"


def test_a_new_password_ends_the_old_one() -> None:
    passwords = Passwords(b"key")
    assert accepts(passwords, "prometheus", b"right")
    changed = {"prometheus": Secret(hashed("other"))}
    assert asyncio.run(passwords.accepts(changed, "prometheus", b"right", "a")) is False
    assert asyncio.run(passwords.accepts({"x": Secret(hashed("y"))}, "prometheus", b"right", "a")) is False


def test_neither_passwords_nor_hashes_are_kept() -> None:
    passwords = Passwords(b"key")
    accepts(passwords, "prometheus", b"right")
    accepts(passwords, "prometheus", b"wrong-guess")
    kept = repr(vars(passwords))
    assert "wrong-guess" not in kept
    assert "b'right'" not in kept


def test_an_unknown_name_costs_what_the_dearest_known_one_costs() -> None:
    users = {"a": Secret(hashed("a", 4)), "b": Secret(hashed("b", 6)), "c": Secret(hashed("c", 5))}
    made = stand_in(users).reveal()
    assert made.startswith("$2b$06$")
    assert len(made) == 60
    assert bcrypt.checkpw(b"", made.encode()) is False


def test_one_check_runs_at_a_time_even_when_its_client_has_left() -> None:
    async def scenario() -> None:
        gate = threading.Event()
        checks = Checks(gate)
        passwords = Passwords(b"key", checks)
        first = asyncio.ensure_future(passwords.accepts(USERS, "prometheus", b"one", "a"))
        assert await asyncio.to_thread(checks.begun.wait, 10)
        first.cancel()
        second = asyncio.ensure_future(passwords.accepts(USERS, "prometheus", b"right", "a"))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert checks.passwords == [b"one"]
        gate.set()
        assert await second is True

    asyncio.run(scenario())


def test_a_wrong_guess_is_answered_late_while_others_wait_and_nothing_else_is() -> None:
    async def scenario() -> None:
        gate = threading.Event()
        checks = Checks(gate)
        passwords = Passwords(b"key", checks, penalty=3600.0)
        wrong = asyncio.ensure_future(passwords.accepts(USERS, "prometheus", b"one", "a"))
        assert await asyncio.to_thread(checks.begun.wait, 10)
        right = asyncio.ensure_future(passwords.accepts(USERS, "prometheus", b"right", "a"))
        await asyncio.sleep(0)
        gate.set()
        assert await right is True
        assert not wrong.done()
        wrong.cancel()
        assert await passwords.accepts(USERS, "prometheus", b"two", "a") is False

    asyncio.run(scenario())


def test_the_newest_of_an_address_comes_first_and_addresses_take_turns() -> None:
    async def scenario() -> list[str]:
        turns, order = Turns(), []

        async def take(name: str, address: str) -> None:
            await turns.take(address)
            order.append(name)
            turns.done()

        await turns.take("z")
        waiting = [asyncio.ensure_future(take(name, name[0])) for name in ("a1", "a2", "a3", "b1", "b2", "c1")]
        await asyncio.sleep(0)
        turns.done()
        await asyncio.gather(*waiting)
        return order

    assert asyncio.run(scenario()) == ["a3", "b2", "c1", "a2", "b1", "a1"]


def test_who_waits_too_long_is_turned_away_and_leaves_nothing_behind() -> None:
    async def scenario() -> None:
        turns = Turns(patience=0.01)
        await turns.take("a")
        with pytest.raises(BusyError):
            await turns.take("b")
        turns.done()
        await turns.take("c")

    asyncio.run(scenario())


@pytest.mark.parametrize("rounds", [0, 1, 2])
def test_who_leaves_the_line_is_passed_over(rounds: int) -> None:
    async def scenario() -> None:
        turns = Turns()
        await turns.take("a")
        staying, leaving = (asyncio.ensure_future(turns.take("b")) for _ in range(2))
        await asyncio.sleep(0)
        leaving.cancel()
        for _ in range(rounds):
            await asyncio.sleep(0)
        turns.done()
        await asyncio.wait_for(staying, 5)

    asyncio.run(scenario())


def test_who_leaves_as_its_turn_comes_passes_it_on() -> None:
    async def scenario() -> None:
        turns = Turns()
        await turns.take("a")
        leaving, staying = (asyncio.ensure_future(turns.take(address)) for address in ("b", "c"))
        await asyncio.sleep(0)
        turns.done()
        leaving.cancel()
        await asyncio.wait_for(staying, 5)

    asyncio.run(scenario())

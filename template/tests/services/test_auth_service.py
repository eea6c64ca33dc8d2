import asyncio
import os
import threading
import time

import pytest
from sqlalchemy import exc
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth import service
from app.auth.models import User
from app.auth.passwords import PasswordHasher
from app.auth.schemas import UserCreate
from app.errors import UnauthenticatedError, UnavailableError
from app.settings import Settings
from tests.database import NewSession
from tests.helpers import add_user


@pytest.fixture
def hasher(settings: Settings) -> PasswordHasher:
    return PasswordHasher(settings)


async def test_a_new_user_is_committed_with_a_hash_of_the_password(
    new_session: NewSession, session: AsyncSession, hasher: PasswordHasher
) -> None:
    new = UserCreate.model_validate({"email": "grace@example.com", "password": "correct horse"})

    async with new_session() as tested:
        user = await service.register(tested, hasher, new)

    stored = await session.get_one(User, user.id)
    assert stored.email == "grace@example.com"
    assert stored.password_hash.startswith("$argon2id$v=19$m=8,t=1,p=1$")


async def test_a_registration_that_fails_for_another_reason_is_not_a_conflict(
    new_session: NewSession, hasher: PasswordHasher, monkeypatch: pytest.MonkeyPatch
) -> None:
    new = UserCreate.model_validate({"email": "grace@example.com", "password": "correct horse"})

    async def fail() -> None:
        raise exc.OperationalError("INSERT", None, Exception("the database is busy"))

    async with new_session() as tested:
        monkeypatch.setattr(tested, "commit", fail)
        with pytest.raises(exc.OperationalError):
            await service.register(tested, hasher, new)


async def test_a_login_replaces_a_cheap_hash(
    new_session: NewSession, session: AsyncSession, hasher: PasswordHasher, settings: Settings
) -> None:
    user = await add_user(session, "grace@example.com", await hasher.hash("correct horse"))
    stronger = PasswordHasher(settings.model_copy(update={"argon2_passes": 2}))

    async with new_session() as tested:
        await service.authenticate(tested, stronger, "grace@example.com", "correct horse")

    await session.refresh(user)
    assert user.password_hash.startswith("$argon2id$v=19$m=8,t=2,p=1$")


@pytest.mark.parametrize("email", ["eve@example.com", "lone surrogate \ud800"])
async def test_an_unknown_address_takes_the_time_of_a_hash(
    new_session: NewSession, hasher: PasswordHasher, monkeypatch: pytest.MonkeyPatch, email: str
) -> None:
    hashed = []

    async def hash_password(password: str) -> str:
        hashed.append(password)
        return "a hash"

    monkeypatch.setattr(hasher, "hash", hash_password)

    async with new_session() as tested:
        with pytest.raises(
            UnauthenticatedError, match="The email address or the password is wrong"
        ):
            await service.authenticate(tested, hasher, email, "correct horse")

    assert hashed == ["correct horse"]


async def test_a_password_is_hashed_and_verified_in_another_thread(
    hasher: PasswordHasher, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads = []

    def remember_thread(*arguments: object) -> None:
        threads.append(threading.current_thread())

    monkeypatch.setattr(hasher.password_hash, "hash", remember_thread)
    monkeypatch.setattr(hasher.password_hash, "verify_and_update", remember_thread)

    await hasher.hash("correct horse")
    await hasher.verify("correct horse", "a hash")

    assert len(threads) == 2
    assert threading.current_thread() not in threads


async def test_as_many_hashes_may_wait_as_the_limit_says(
    hasher: PasswordHasher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.auth.passwords.MAX_WAITING", 2)

    results = await asyncio.gather(
        *(hasher.hash("correct horse") for _ in range(3)), return_exceptions=True
    )
    later = await hasher.hash("correct horse")

    assert [isinstance(result, UnavailableError) for result in results] == [False, False, True]
    assert later.startswith("$argon2id$")


def test_hashes_leave_half_of_the_cores_to_others() -> None:
    cores = os.cpu_count() or 1
    threads = set()

    def observe(number: int) -> None:
        threads.add(threading.current_thread())
        time.sleep(0.001)

    list(PasswordHasher.threads.map(observe, range(2 * cores)))

    assert len(threads) == max(1, cores // 2)


async def test_a_lone_surrogate_is_a_wrong_password(hasher: PasswordHasher) -> None:
    password_hash = await hasher.hash("correct horse")

    assert await hasher.verify("lone surrogate \ud800", password_hash) == (False, None)

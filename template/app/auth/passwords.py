import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, ClassVar, TypeVar

from fastapi import Depends
from pwdlib import PasswordHash
from pwdlib.exceptions import UnknownHashError
from pwdlib.hashers.argon2 import Argon2Hasher

from app.errors import UnavailableError
from app.settings import Settings, SettingsDep

T = TypeVar("T")

MAX_WAITING = 100


class PasswordHasher:
    """Hashes in few threads of its own: a hash keeps a core busy for as long as it takes, and
    anyone can ask for one by a login. The others wait for their turn.
    """

    threads: ClassVar = ThreadPoolExecutor(max_workers=max(1, (os.cpu_count() or 1) // 2))
    waiting: ClassVar[int] = 0

    def __init__(self, settings: Settings) -> None:
        self.password_hash = PasswordHash(
            [
                Argon2Hasher(
                    time_cost=settings.argon2_passes,
                    memory_cost=settings.argon2_memory_kib,
                    parallelism=1,
                )
            ]
        )

    async def hash(self, password: str) -> str:
        return await self.in_turn(self.password_hash.hash, encode(password))

    async def verify(self, password: str, password_hash: str) -> tuple[bool, str | None]:
        """The second value is a new hash, if the costs were raised since the old one."""
        try:
            return await self.in_turn(
                self.password_hash.verify_and_update, encode(password), password_hash
            )
        except UnknownHashError:
            return False, None  # a user that has been locked out, by a text that is no hash

    async def in_turn(self, function: Callable[..., T], *arguments: object) -> T:
        if PasswordHasher.waiting >= MAX_WAITING:
            raise UnavailableError("Too many logins are waiting.")
        PasswordHasher.waiting += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self.threads, function, *arguments)
        finally:
            PasswordHasher.waiting -= 1


def encode(password: str) -> bytes:
    # A form may contain lone surrogates: a wrong password, not a 500.
    return password.encode(errors="surrogatepass")


async def get_password_hasher(settings: SettingsDep) -> PasswordHasher:
    return PasswordHasher(settings)


PasswordHasherDep = Annotated[PasswordHasher, Depends(get_password_hasher)]

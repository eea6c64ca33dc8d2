import asyncio
from typing import Annotated

from fastapi import Depends
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from app.settings import Settings, SettingsDep


class PasswordHasher:
    """Hashes in a thread: on the event loop, each login would stop all other requests."""

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
        return await asyncio.to_thread(self.password_hash.hash, encode(password))

    async def verify(self, password: str, password_hash: str) -> tuple[bool, str | None]:
        """The second value is a new hash, if the costs were raised since the old one."""
        return await asyncio.to_thread(
            self.password_hash.verify_and_update, encode(password), password_hash
        )


def encode(password: str) -> bytes:
    # A form may contain lone surrogates: a wrong password, not a 500.
    return password.encode(errors="surrogatepass")


async def get_password_hasher(settings: SettingsDep) -> PasswordHasher:
    return PasswordHasher(settings)


PasswordHasherDep = Annotated[PasswordHasher, Depends(get_password_hasher)]

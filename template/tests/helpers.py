from collections.abc import AsyncIterator
from typing import Any

from sqlalchemy import URL
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.models import User
from app.settings import Settings
from tests.client import (
    AsyncBaseTransport,
    AsyncByteStream,
    AsyncClient,
    Request,
    Response,
)

# Of a response that is not read to its end, the report shows at most this much.
MAX_RECORDED_BYTES = 2_000

# The requests of a test in their order, for the report if it fails. A request that failed has
# no response.
exchanges: dict[Request, Response | None] = {}


def settings_for(database_url: URL) -> Settings:
    """The same on every machine: no `.env` is read, and a password hash is cheap."""
    return Settings(_env_file=None, database_url=database_url, argon2_memory_kib=8, argon2_passes=1)


def http_client(
    transport: AsyncBaseTransport,
    base_url: str = "https://test",  # or cookies that are `Secure` would not be sent back
    headers: dict[str, str] | None = None,
) -> AsyncClient:
    return AsyncClient(
        transport=transport,
        base_url=base_url,
        headers=headers,
        trust_env=False,  # or a proxy would get the requests
        event_hooks={"request": [remember_request], "response": [remember_response]},
    )


async def remember_request(request: Request) -> None:
    exchanges[request] = None


async def remember_response(response: Response) -> None:
    assert isinstance(response.stream, AsyncByteStream)
    response.stream = RecordedStream(response.stream)
    exchanges[response.request] = response


class RecordedStream(AsyncByteStream):
    """Keeps the beginning of what the test reads: a stream may have no end."""

    def __init__(self, stream: AsyncByteStream) -> None:
        self.stream = stream
        self.beginning = b""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self.stream:
            self.beginning += chunk[: MAX_RECORDED_BYTES - len(self.beginning)]
            yield chunk

    async def aclose(self) -> None:
        await self.stream.aclose()


async def add_user(
    session: AsyncSession, email: str, password_hash: str = "no password has this hash"
) -> User:
    user = User(email=email, password_hash=password_hash)
    session.add(user)
    await session.commit()
    return user


def problem(
    status: int, title: str, detail: str | None = None, errors: list[Any] | None = None
) -> dict[str, Any]:
    """The whole body of an error response."""
    optional = {"detail": detail, "errors": errors}
    given = {name: value for name, value in optional.items() if value is not None}
    return {"type": "about:blank", "title": title, "status": status, **given}

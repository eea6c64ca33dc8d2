from typing import Any
from uuid import uuid4

from sqlalchemy import URL
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.models import User
from app.settings import Settings
from tests.client import AsyncBaseTransport, AsyncClient, remember_request, remember_response


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


async def add_user(
    session: AsyncSession, email: str, password_hash: str = "no password has this hash"
) -> User:
    user = User(email=email, password_hash=password_hash)
    session.add(user)
    await session.commit()
    return user


async def new_user(session: AsyncSession) -> str:
    """For ROWS in tests/test_routes.py: any user, whom a field names."""
    user_id = uuid4()  # known before the commit, which may expire the object
    session.add(User(id=user_id, email=f"{user_id}@example.com", password_hash="none"))
    await session.commit()
    return f"/users/{user_id}"


def problem(
    status: int, title: str, detail: str | None = None, errors: list[Any] | None = None
) -> dict[str, Any]:
    """The whole body of an error response."""
    optional = {"detail": detail, "errors": errors}
    given = {name: value for name, value in optional.items() if value is not None}
    return {"type": "about:blank", "title": title, "status": status, **given}

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.models import User
from tests.client import AsyncClient
from tests.helpers import add_user, problem


@pytest.fixture
async def admin(session: AsyncSession, fake_user: User) -> User:
    fake_user.role = "admin"
    await session.commit()
    return fake_user


async def test_a_new_user_is_a_member(session: AsyncSession) -> None:
    user = await add_user(session, "grace@example.com")

    assert user.role == "member"


async def test_an_administrator_lists_all_users(
    client: AsyncClient, session: AsyncSession, admin: User
) -> None:
    grace = await add_user(session, "grace@example.com")

    response = await client.get("/admin/users")

    assert response.status_code == 200
    assert response.json() == [
        {"id": str(admin.id), "email": "ada@example.com", "role": "admin"},
        {"id": str(grace.id), "email": "grace@example.com", "role": "member"},
    ]


async def test_an_administrator_gives_another_user_a_role(
    client: AsyncClient, session: AsyncSession, admin: User
) -> None:
    grace = await add_user(session, "grace@example.com")

    response = await client.patch(f"/admin/users/{grace.id}", json={"role": "admin"})

    assert response.status_code == 200
    assert response.json() == {
        "id": str(grace.id),
        "email": "grace@example.com",
        "role": "admin",
    }
    await session.refresh(grace)
    assert grace.role == "admin"


async def test_a_user_that_does_not_exist_is_not_found(client: AsyncClient, admin: User) -> None:
    response = await client.patch(
        "/admin/users/00000000-0000-0000-0000-000000000000", json={"role": "admin"}
    )

    assert response.status_code == 404
    assert response.json() == problem(404, "Not Found", "There is no such user.")


async def test_a_member_cannot_become_an_administrator(
    client: AsyncClient, fake_user: User
) -> None:
    response = await client.patch(f"/admin/users/{fake_user.id}", json={"role": "admin"})

    assert response.status_code == 403
    assert response.json() == problem(403, "Forbidden", "Only an administrator may do this.")

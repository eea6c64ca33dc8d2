from typing import Any
from unittest.mock import ANY
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.models import User
from tests.client import AsyncClient
from tests.conftest import ClientAs
from tests.helpers import add_user, problem


@pytest.fixture
async def team(client: AsyncClient) -> dict[str, Any]:
    team: dict[str, Any] = (await client.post("/teams", json={"name": "Analysts"})).json()
    return team


@pytest.fixture
async def member(session: AsyncSession, team: dict[str, Any]) -> User:
    member = await add_user(session, "charles@example.com")
    member.team_id = UUID(team["id"])
    await session.commit()
    return member


async def test_a_new_team_belongs_to_the_user(client: AsyncClient, fake_user: User) -> None:
    response = await client.post("/teams", json={"name": "Analysts"})

    assert response.status_code == 201
    assert response.json() == {"id": ANY, "owner_id": str(fake_user.id), "name": "Analysts"}
    assert response.headers["Location"] == f"/teams/{response.json()['id']}"


async def test_owner_and_members_read_their_team(
    client: AsyncClient, client_as: ClientAs, team: dict[str, Any], member: User
) -> None:
    for own_client in (client, client_as(member)):
        response = await own_client.get(f"/teams/{team['id']}")

        assert response.status_code == 200
        assert response.json() == team


async def test_a_member_cannot_delete_the_team(
    client: AsyncClient, client_as: ClientAs, team: dict[str, Any], member: User
) -> None:
    response = await client_as(member).delete(f"/teams/{team['id']}")

    assert response.status_code == 404
    assert (await client.get(f"/teams/{team['id']}")).status_code == 200


async def test_the_members_of_a_deleted_team_remain(
    client: AsyncClient, client_as: ClientAs, team: dict[str, Any], member: User
) -> None:
    response = await client.delete(f"/teams/{team['id']}")

    assert response.status_code == 204
    assert (await client_as(member).get("/auth/me")).status_code == 200
    gone = await client_as(member).get(f"/teams/{team['id']}")
    assert gone.json() == problem(404, "Not Found", "There is no such team.")

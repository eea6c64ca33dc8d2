from app.auth.models import User
from tests.client import AsyncClient
from tests.helpers import problem


async def test_a_changed_email_is_read_back(client: AsyncClient, fake_user: User) -> None:
    changed = await client.patch("/profile", json={"email": "Lovelace@example.com"})

    assert changed.status_code == 200
    assert changed.json() == {"id": str(fake_user.id), "email": "lovelace@example.com"}
    assert (await client.get("/profile")).json() == changed.json()


async def test_the_email_of_another_user_is_refused(
    client: AsyncClient, other_client: AsyncClient
) -> None:
    response = await client.patch("/profile", json={"email": "grace@example.com"})

    assert response.status_code == 409
    assert response.json() == problem(409, "Conflict", "This email address is already registered.")
    assert (await client.get("/profile")).json()["email"] == "ada@example.com"


async def test_a_deleted_user_is_not_let_in(client: AsyncClient) -> None:
    response = await client.delete("/profile")

    assert response.status_code == 204
    assert (await client.get("/profile")).status_code == 401


async def test_a_user_deletes_only_themself(client: AsyncClient, other_client: AsyncClient) -> None:
    await client.delete("/profile")

    assert (await other_client.get("/profile")).json()["email"] == "grace@example.com"

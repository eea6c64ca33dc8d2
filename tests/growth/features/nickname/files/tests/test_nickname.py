from tests.client import AsyncClient


async def test_a_new_user_has_an_empty_nickname(client: AsyncClient) -> None:
    response = await client.get("/nickname")

    assert response.status_code == 200
    assert response.json() == {"nickname": ""}


async def test_a_changed_nickname_is_read_back(client: AsyncClient) -> None:
    changed = await client.put("/nickname", json={"nickname": "Countess"})

    assert changed.status_code == 200
    assert changed.json() == {"nickname": "Countess"}
    assert (await client.get("/nickname")).json() == {"nickname": "Countess"}


async def test_a_nickname_that_is_too_long_is_refused(client: AsyncClient) -> None:
    response = await client.put("/nickname", json={"nickname": "x" * 21})

    assert response.status_code == 422

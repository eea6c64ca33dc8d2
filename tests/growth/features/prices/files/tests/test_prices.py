from unittest.mock import ANY

import pytest

from tests.client import AsyncClient
from tests.helpers import problem


async def test_a_new_price_has_two_places_and_is_read_back(client: AsyncClient) -> None:
    new = {"product": "Coffee", "amount": "4.5", "details": {"grams": 250}}

    created = await client.post("/prices", json=new)

    assert created.status_code == 201
    assert created.json() == {"id": ANY, **new, "amount": "4.50"}
    read = await client.get(created.headers["Location"])
    assert read.json() == created.json()


@pytest.mark.parametrize("amount", ["-0.01", "1000000.01", "0.001", "much"])
async def test_an_amount_that_is_no_price_is_refused(client: AsyncClient, amount: str) -> None:
    response = await client.post("/prices", json={"product": "Coffee", "amount": amount})

    assert response.status_code == 422


async def test_the_highest_of_a_users_own_prices_is_listed_first(
    client: AsyncClient, other_client: AsyncClient
) -> None:
    for amount in ("9.99", "10.00", "0.50"):
        await client.post("/prices", json={"product": "Coffee", "amount": amount})
    await other_client.post("/prices", json={"product": "Tea", "amount": "5.00"})

    response = await client.get("/prices")

    assert [price["amount"] for price in response.json()] == ["10.00", "9.99", "0.50"]


async def test_a_price_that_does_not_exist_is_not_found(client: AsyncClient) -> None:
    response = await client.get("/prices/00000000-0000-0000-0000-000000000000")

    assert response.status_code == 404
    assert response.json() == problem(404, "Not Found", "There is no such price.")

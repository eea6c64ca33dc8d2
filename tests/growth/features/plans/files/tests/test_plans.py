import pytest

from tests.client import AsyncClient
from tests.helpers import problem

FREE = {"name": "free", "max_tasks": 100}
PAID = {"name": "paid", "max_tasks": 10_000}


@pytest.mark.parametrize("time", ["first", "second"])
async def test_the_plans_are_there_in_each_test(client: AsyncClient, time: str) -> None:
    response = await client.get("/plans")

    assert response.status_code == 200
    assert response.json() == [FREE, PAID]


async def test_a_plan_is_read(client: AsyncClient) -> None:
    response = await client.get("/plans/paid")

    assert response.status_code == 200
    assert response.json() == PAID


async def test_a_plan_that_does_not_exist_is_not_found(client: AsyncClient) -> None:
    response = await client.get("/plans/golden")

    assert response.status_code == 404
    assert response.json() == problem(404, "Not Found", "There is no such plan.")

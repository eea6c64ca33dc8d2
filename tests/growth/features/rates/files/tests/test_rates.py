from decimal import Decimal

import httpx
import pytest

from app.rates.dependencies import Rates, RatesUnavailableError, get_rates
from app.settings import Settings
from tests.client import AsyncClient


async def test_an_amount_is_converted(client: AsyncClient) -> None:
    response = await client.get("/rates/conversion", params={"amount": 10, "currency": "USD"})

    assert response.status_code == 200
    assert response.json() == {"amount": "20", "currency": "USD"}


async def test_the_rate_comes_from_the_other_service() -> None:
    def respond(request: httpx.Request) -> httpx.Response:
        assert request.url == "https://rates.example.com/rates?currency=USD"
        return httpx.Response(200, json={"rate": "1.25"})

    transport = httpx.MockTransport(respond)
    async with httpx.AsyncClient(
        transport=transport, base_url="https://rates.example.com"
    ) as client:
        assert await Rates(client).rate_of("USD") == Decimal("1.25")


async def test_an_error_of_the_other_service_is_reported_as_our_own() -> None:
    transport = httpx.MockTransport(lambda request: httpx.Response(500))
    async with httpx.AsyncClient(
        transport=transport, base_url="https://rates.example.com"
    ) as client:
        with pytest.raises(RatesUnavailableError, match="no exchange rates"):
            await Rates(client).rate_of("USD")


async def test_the_other_service_is_the_one_of_the_settings(settings: Settings) -> None:
    changed = settings.model_copy(update={"rates_url": "https://other.example.com"})

    async for rates in get_rates(changed):
        assert rates.client.base_url == "https://other.example.com"

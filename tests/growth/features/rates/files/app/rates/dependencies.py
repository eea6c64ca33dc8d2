from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Annotated

import httpx
from fastapi import Depends

from app.errors import ServiceError
from app.settings import SettingsDep


class RatesUnavailableError(ServiceError):
    status = 503


class Rates:
    """The exchange rates of another service."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client

    async def rate_of(self, currency: str) -> Decimal:
        try:
            response = await self.client.get("/rates", params={"currency": currency})
            response.raise_for_status()
        except httpx.HTTPError as error:
            raise RatesUnavailableError("There are no exchange rates at the moment.") from error
        return Decimal(response.json()["rate"])


async def get_rates(settings: SettingsDep) -> AsyncIterator[Rates]:
    async with httpx.AsyncClient(base_url=settings.rates_url, timeout=5) as client:
        yield Rates(client)


RatesDep = Annotated[Rates, Depends(get_rates)]

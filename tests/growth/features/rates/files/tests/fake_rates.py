from decimal import Decimal

from app.rates.dependencies import Rates
from tests.client import AsyncClient


class FakeRates(Rates):
    """Stands in for the other service: a unit of every currency is worth half a euro."""

    async def rate_of(self, currency: str) -> Decimal:
        return Decimal(2)


async def get_fake_rates() -> Rates:
    return FakeRates(AsyncClient())

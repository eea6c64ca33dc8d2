from decimal import Decimal
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from app.auth.dependencies import CurrentUser
from app.rates.dependencies import RatesDep

router = APIRouter(prefix="/rates", tags=["rates"])


class Conversion(BaseModel):
    model_config = ConfigDict(extra="forbid")

    amount: int = Field(ge=0, le=1_000_000)
    currency: str = Field(pattern="^[A-Z]{3}$", examples=["USD"])


class Converted(BaseModel):
    amount: Decimal
    currency: str


@router.get("/conversion")
async def convert(
    conversion: Annotated[Conversion, Query()], user: CurrentUser, rates: RatesDep
) -> Converted:
    """Converts an amount in euros."""
    rate = await rates.rate_of(conversion.currency)
    return Converted(amount=conversion.amount * rate, currency=conversion.currency)

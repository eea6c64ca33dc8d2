from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from app.fields import Money, Text

Amount = Annotated[Money, Field(ge=0, le=1_000_000)]
Details = Annotated[dict[Text, Annotated[int, Field(ge=0, le=1_000_000)]], Field(max_length=20)]


class PriceCreate(BaseModel):
    model_config = ConfigDict(extra="forbid")

    product: Annotated[Text, Field(min_length=1, max_length=100)]
    amount: Amount = Field(examples=["19.90"])
    details: Details = Field(default={}, examples=[{"grams": 250}])


class PricePublic(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    product: str
    amount: Money
    details: dict[str, int]

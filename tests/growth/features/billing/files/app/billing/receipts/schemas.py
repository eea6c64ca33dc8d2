from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from app.fields import Day, Money, Text


class ReceiptCreate(BaseModel):
    model_config = ConfigDict(extra="forbid")

    shop: Annotated[Text, Field(max_length=100)]
    amount: Money
    bought_on: Day


class ReceiptPublic(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    shop: str
    amount: Money
    bought_on: Day

from datetime import date
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from app.fields import Day, Money, Page, Text
from app.invoices.models import Status


class InvoiceCreate(BaseModel):
    model_config = ConfigDict(extra="forbid")

    number: Annotated[Text, Field(min_length=1, max_length=20)]
    day: Day


class InvoiceUpdate(BaseModel):
    model_config = ConfigDict(extra="forbid")

    day: Day


class LineCreate(BaseModel):
    model_config = ConfigDict(extra="forbid")

    text: Annotated[Text, Field(min_length=1, max_length=200)]
    amount: Money


class LinePublic(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    text: str
    amount: Money


class InvoicePublic(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    number: str
    day: date
    status: Status
    lines: list[LinePublic]
    total: Decimal


class InvoicePage(Page):
    status: Status | None = None

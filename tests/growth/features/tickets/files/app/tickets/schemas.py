from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from app.fields import Text
from app.tickets.models import Status


class TicketCreate(BaseModel):
    model_config = ConfigDict(extra="forbid")

    subject: Annotated[Text, Field(min_length=1, max_length=200)]


class TicketUpdate(BaseModel):
    model_config = ConfigDict(extra="forbid")

    status: Status


class TicketPublic(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    subject: str
    status: Status

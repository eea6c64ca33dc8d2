from typing import Annotated
from uuid import UUID

from pydantic import MISSING, BaseModel, ConfigDict, Field

from app.chores.models import Priority
from app.fields import Page, Text


class ChoreCreate(BaseModel):
    model_config = ConfigDict(extra="forbid")

    title: Annotated[Text, Field(min_length=1, max_length=200)]
    priority: Priority = Priority.LOW


class ChorePublic(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    title: str
    priority: Priority


class ChoreQuery(Page):
    priority: Priority | MISSING = MISSING

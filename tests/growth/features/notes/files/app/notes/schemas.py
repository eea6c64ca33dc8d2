from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from app.fields import Text


class NoteCreate(BaseModel):
    model_config = ConfigDict(extra="forbid")

    task_id: UUID
    text: Annotated[Text, Field(min_length=1, max_length=200)]


class NotePublic(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    task_id: UUID
    text: str

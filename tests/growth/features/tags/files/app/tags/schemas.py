from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from app.fields import Text


class TagCreate(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: Annotated[Text, Field(min_length=1, max_length=50)]


class TagPublic(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    name: str

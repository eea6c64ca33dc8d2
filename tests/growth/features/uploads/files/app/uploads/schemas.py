from datetime import date
from uuid import UUID

from pydantic import BaseModel, ConfigDict


class UploadPublic(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    title: str
    day: date

from enum import StrEnum
from uuid import UUID

from pydantic import BaseModel, ConfigDict


class Role(StrEnum):
    MEMBER = "member"
    ADMIN = "admin"


class UserUpdate(BaseModel):
    model_config = ConfigDict(extra="forbid")

    role: Role


class UserWithRole(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    email: str
    role: Role

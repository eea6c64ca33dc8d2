from typing import Annotated, Literal
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    EmailStr,
    Secret,
    StringConstraints,
    TypeAdapter,
)

# One account for a person: mail servers ignore case.
Email = Annotated[EmailStr, AfterValidator(str.lower)]

email_adapter = TypeAdapter[str](Email)


class UserCreate(BaseModel):
    model_config = ConfigDict(extra="forbid")

    email: Email
    password: Secret[Annotated[str, StringConstraints(min_length=8, max_length=128)]]


class UserPublic(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    email: str


class Token(BaseModel):
    access_token: str
    token_type: Literal["bearer"] = "bearer"
    expires_in: int

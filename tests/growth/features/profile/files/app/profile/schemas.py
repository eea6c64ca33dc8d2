from pydantic import BaseModel, ConfigDict

from app.auth.schemas import Email


class ProfileUpdate(BaseModel):
    model_config = ConfigDict(extra="forbid")

    email: Email

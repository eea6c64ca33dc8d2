from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from app.fields import Text


class Nickname(BaseModel):
    model_config = ConfigDict(extra="forbid")

    nickname: Annotated[Text, Field(max_length=20)]

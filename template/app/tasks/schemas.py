from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import MISSING, AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from app.fields import Page as Page  # other slices import it from here, too

# No NUL, and not only space. Stripped last, so that the check is the one that OpenAPI shows.
Title = Annotated[
    str,
    StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00]*[^\x00-\x1f\s][^\x00]*$"),
    AfterValidator(str.strip),
    Field(examples=["title 1"]),
]


class TaskCreate(BaseModel):
    model_config = ConfigDict(extra="forbid")

    title: Title


class TaskUpdate(BaseModel):
    """A field that is left out keeps its value."""

    model_config = ConfigDict(extra="forbid")

    title: Title | MISSING = MISSING
    done: bool | MISSING = MISSING


class TaskPublic(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    title: str
    done: bool
    created_at: datetime


class TaskQuery(Page):
    """A page, a filter and an order, as a table in a front end needs them."""

    done: bool | MISSING = MISSING
    # Only by what an index of the tasks is sorted by.
    sort: Literal["created_at", "-created_at"] = "created_at"

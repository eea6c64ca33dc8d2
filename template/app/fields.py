"""Types for the fields of any slice. What they refuse is in the OpenAPI document, too."""

import re
from datetime import date
from decimal import Decimal
from typing import Annotated

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
)

DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
AMOUNT = re.compile(r"-?[0-9]{1,10}(\.[0-9]{1,2})?")


def day_in_iso_8601(value: object) -> object:
    # Pydantic also takes seconds since 1970 and the midnight of a datetime.
    if type(value) is date or (isinstance(value, str) and DAY.fullmatch(value)):
        return value
    raise ValueError("a day is a string such as 2026-12-24")


def exact_amount(value: object) -> object:
    # A number in JSON is binary for most clients, which can't represent 0.10.
    if isinstance(value, Decimal) or (isinstance(value, str) and AMOUNT.fullmatch(value)):
        return value
    raise ValueError("an amount is a string such as 12.50, below 10 billion")


def with_two_places(value: Decimal) -> Decimal:
    # The addition makes 0.00 of -0.00.
    return value.quantize(Decimal("0.01")) + 0


# Not every database can store NUL. Add limits of your own: Annotated[Text, Field(max_length=200)].
Text = Annotated[str, StringConstraints(pattern=r"^[^\x00]*$")]

Day = Annotated[date, BeforeValidator(day_in_iso_8601)]

# For a column of the type Numeric(12, 2). The response to a POST has an amount as the client sent
# it, and that to a GET as the database returns it: with two places, they are the same.
Money = Annotated[
    Decimal,
    Field(max_digits=12, decimal_places=2),
    BeforeValidator(exact_amount),
    AfterValidator(with_two_places),
    WithJsonSchema({"type": "string", "pattern": f"^{AMOUNT.pattern}$", "examples": ["12.50"]}),
]


class Page(BaseModel):
    model_config = ConfigDict(extra="forbid")

    limit: int = Field(default=50, ge=1, le=100)
    offset: int = Field(default=0, ge=0, le=1_000_000)

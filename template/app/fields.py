"""Types for the fields of any slice. What they refuse is in the OpenAPI document, too."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any

from annotated_types import GroupedMetadata
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
)
from pydantic_core import to_json

DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
MOMENT = re.compile(r"(?i)[0-9-]{10}T[0-9:]{8}(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})")
URL = r"^https?://[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?([/?#][!-~]*)?$"


def day_in_iso_8601(value: object) -> object:
    # Pydantic also takes seconds since 1970 and the midnight of a datetime.
    if type(value) is date or (isinstance(value, str) and DAY.fullmatch(value)):
        return value
    raise ValueError("a day is a string such as 2026-12-24")


def moment_in_iso_8601(value: object) -> object:
    if isinstance(value, datetime) or (isinstance(value, str) and MOMENT.fullmatch(value)):
        return value
    raise ValueError("a moment is a string such as 2026-12-24T18:00:00Z")


def in_utc(value: datetime) -> datetime:
    # The response to a POST has the time as it was sent, and that to a GET as it was stored.
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise ValueError("a moment is in the years 1 to 9999 of UTC") from None


def storable(value: dict[str, Any]) -> dict[str, Any]:
    # Python reads NaN, and halves of characters, which neither a response nor a database can hold.
    json.dumps(value, allow_nan=False)
    try:
        to_json(value)
    except ValueError:
        raise ValueError("the object can't be written as JSON") from None
    return value


@dataclass(frozen=True)
class Exact(GroupedMetadata):
    """Makes a `Decimal` fit a column of the type Numeric(digits, places).

    The response to a POST has an amount as the client sent it, and that to a GET as the database
    returns it: with all places, they are the same.
    """

    digits: int
    places: int

    def __iter__(self) -> Iterator[object]:
        whole_digits = self.digits - self.places
        fraction = r"(\.[0-9]{1," + f"{self.places}" + "})?" if self.places else ""
        pattern = "-?[0-9]{1," + f"{whole_digits}" + "}" + fraction
        whole = "12"[:whole_digits]
        example = f"{whole}.{'5'.ljust(self.places, '0')}" if self.places else whole

        def exact_amount(value: object) -> object:
            # A number in JSON is binary for most clients, which can't represent 0.10.
            if isinstance(value, Decimal) or (
                isinstance(value, str) and re.fullmatch(pattern, value)
            ):
                return value
            raise ValueError(
                f"an amount is a string such as {example}, with at most {whole_digits} digits "
                "before the point"
            )

        def with_all_places(value: Decimal) -> Decimal:
            # The addition makes 0.00 of -0.00.
            return value.quantize(Decimal(1).scaleb(-self.places)) + 0

        yield from Field(max_digits=self.digits, decimal_places=self.places).metadata
        yield BeforeValidator(exact_amount)
        yield AfterValidator(with_all_places)
        yield WithJsonSchema({"type": "string", "pattern": f"^{pattern}$", "examples": [example]})


# Not every database can store NUL. Add limits of your own: Annotated[Text, Field(max_length=200)].
Text = Annotated[str, StringConstraints(pattern=r"^[^\x00]*$")]

Day = Annotated[date, BeforeValidator(day_in_iso_8601)]

# A point in time: a time without its zone is refused.
Moment = Annotated[AwareDatetime, BeforeValidator(moment_in_iso_8601), AfterValidator(in_utc)]

Money = Annotated[Decimal, Exact(12, 2)]

# For a column of the type String(2000).
Url = Annotated[
    str,
    StringConstraints(max_length=2000, pattern=URL),
    Field(examples=["https://example.com/"]),
]

# Any object of JSON, for a column of the type JSON.
Json = Annotated[dict[str, Any], AfterValidator(storable)]


class Page(BaseModel):
    model_config = ConfigDict(extra="forbid")

    limit: int = Field(default=50, ge=1, le=100)
    offset: int = Field(default=0, ge=0, le=1_000_000)

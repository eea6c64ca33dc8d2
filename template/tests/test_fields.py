from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Annotated, Any

import pytest
from pydantic import TypeAdapter, ValidationError

from app.fields import Day, Exact, Json, Moment, Money, Page, Text, Url

text = TypeAdapter[str](Text)
day = TypeAdapter[date](Day)
moment = TypeAdapter[datetime](Moment)
money = TypeAdapter[Decimal](Money)
url = TypeAdapter[str](Url)
json = TypeAdapter[dict[str, Any]](Json)


def error_of(field: TypeAdapter[Any], value: object) -> str:
    with pytest.raises(ValidationError) as error:
        field.validate_python(value)
    return error.value.errors()[0]["type"]


@pytest.mark.parametrize("value", ["", "Grüße\n", "x" * 10_000])
def test_a_text_is_any_string(value: str) -> None:
    assert text.validate_python(value) == value


@pytest.mark.parametrize("value", ["\0", "before\0", "\0after", "line\n\0"])
def test_a_text_with_nul_is_refused(value: str) -> None:
    assert error_of(text, value) == "string_pattern_mismatch"


def test_the_schema_of_a_text_says_that_nul_is_refused() -> None:
    assert text.json_schema() == {"type": "string", "pattern": r"^[^\x00]*$"}


@pytest.mark.parametrize("value", ["2026-12-24", date(2026, 12, 24)])
def test_a_day_is_read_and_written_in_iso_8601(value: object) -> None:
    read = day.validate_python(value)

    assert read == date(2026, 12, 24)
    assert day.dump_python(read, mode="json") == "2026-12-24"


@pytest.mark.parametrize(
    ("value", "error"),
    [
        (0, "value_error"),
        (1.5, "value_error"),
        (None, "value_error"),
        ("1798070400", "value_error"),
        ("2026-12-24T00:00:00", "value_error"),
        ("12026-12-24", "value_error"),
        ("2026-12-24 ", "value_error"),
        (datetime(2026, 12, 24, tzinfo=UTC), "value_error"),
        ("2026-02-29", "date_from_datetime_parsing"),
    ],
)
def test_anything_else_is_no_day(value: object, error: str) -> None:
    assert error_of(day, value) == error


def test_the_schema_of_a_day_is_that_of_a_date() -> None:
    assert day.json_schema() == {"type": "string", "format": "date"}


@pytest.mark.parametrize(
    "value",
    [
        "2026-12-24T18:00:00Z",
        "2026-12-24T19:00:00.000+01:00",
        "2026-12-24t18:00:00z",
        datetime(2026, 12, 24, 19, tzinfo=timezone(timedelta(hours=1))),
    ],
)
def test_a_moment_is_written_in_utc(value: object) -> None:
    read = moment.validate_python(value)

    assert moment.dump_python(read, mode="json") == "2026-12-24T18:00:00Z"


@pytest.mark.parametrize(
    ("value", "error"),
    [
        (0, "value_error"),
        ("1798070400", "value_error"),
        ("2026-12-24", "value_error"),
        ("2026-12-24T18:00:00", "value_error"),
        ("2026-12-24T18:00:00Z ", "value_error"),
        (datetime(2026, 12, 24), "timezone_aware"),  # noqa: DTZ001
        ("2026-02-29T18:00:00Z", "datetime_from_date_parsing"),
        ("0001-01-01T00:00:00+01:00", "value_error"),
        ("9999-12-31T23:59:59-01:00", "value_error"),
    ],
)
def test_anything_else_is_no_moment(value: object, error: str) -> None:
    assert error_of(moment, value) == error


@pytest.mark.parametrize(
    "value",
    ["http://localhost", "https://example.com:8000/a/b?c=d#e", "https://example.com?c", "http://1"],
)
def test_a_url_is_an_address_in_the_web(value: str) -> None:
    assert url.validate_python(value) == value


@pytest.mark.parametrize(
    ("value", "error"),
    [
        ("example.com", "string_pattern_mismatch"),
        ("ftp://example.com", "string_pattern_mismatch"),
        ("https://", "string_pattern_mismatch"),
        ("https://example.com/\n", "string_pattern_mismatch"),
        ("https://example.com/ü", "string_pattern_mismatch"),
        ("javascript:alert()//https://example.com", "string_pattern_mismatch"),
        ("https://user@example.com", "string_pattern_mismatch"),
        ("https://example.com/" + "x" * 1981, "string_too_long"),
    ],
)
def test_anything_else_is_no_url(value: str, error: str) -> None:
    assert error_of(url, value) == error


@pytest.mark.parametrize("value", [{}, {"a": [1, 1.5, None, {"b": "ü\0"}], "": True}])
def test_json_is_any_object(value: dict[str, Any]) -> None:
    assert json.validate_python(value) == value


@pytest.mark.parametrize(
    ("value", "error"),
    [
        ([], "dict_type"),
        (None, "dict_type"),
        ({"a": float("nan")}, "value_error"),
        ({"a": float("inf")}, "value_error"),
        ({"a": "\ud800"}, "value_error"),
    ],
)
def test_anything_else_is_no_json(value: object, error: str) -> None:
    assert error_of(json, value) == error


@pytest.mark.parametrize(
    ("digits", "places", "value", "written"),
    [(10, 2, "99999999.9", "99999999.90"), (3, 0, "-999", "-999"), (4, 3, "1", "1.000")],
)
def test_an_exact_number_has_all_of_its_places(
    digits: int, places: int, value: str, written: str
) -> None:
    exact = TypeAdapter[Decimal](Annotated[Decimal, Exact(digits, places)])

    assert exact.dump_python(exact.validate_python(value), mode="json") == written


@pytest.mark.parametrize(
    ("digits", "places", "value", "example"),
    [(10, 2, "100000000", "12.50"), (3, 0, "1.0", "12"), (4, 3, "1.0001", "1.500")],
)
def test_anything_else_is_no_exact_number(
    digits: int, places: int, value: str, example: str
) -> None:
    exact = TypeAdapter[Decimal](Annotated[Decimal, Exact(digits, places)])

    assert error_of(exact, value) == "value_error"
    assert exact.json_schema()["examples"] == [example]


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("1.5", "1.50"),
        ("0", "0.00"),
        ("-0", "0.00"),
        ("-12.34", "-12.34"),
        ("9999999999.99", "9999999999.99"),
        (Decimal("1.5"), "1.50"),
        (Decimal("1.500"), "1.50"),
    ],
)
def test_an_amount_is_written_with_two_places(value: object, written: str) -> None:
    assert money.dump_python(money.validate_python(value), mode="json") == written


@pytest.mark.parametrize(
    ("value", "error"),
    [
        (1, "value_error"),
        (1.5, "value_error"),
        (None, "value_error"),
        ("", "value_error"),
        ("1.505", "value_error"),
        ("1e2", "value_error"),
        (" 1.50", "value_error"),
        ("1.50\n", "value_error"),
        ("NaN", "value_error"),
        ("10000000000", "value_error"),
        (Decimal("1.505"), "decimal_max_places"),
        (Decimal("10000000000"), "decimal_whole_digits"),
        (Decimal("NaN"), "finite_number"),
    ],
)
def test_anything_else_is_no_amount(value: object, error: str) -> None:
    assert error_of(money, value) == error


@pytest.mark.parametrize("mode", ["validation", "serialization"])
def test_the_schema_of_an_amount_is_that_of_a_string(mode: Any) -> None:
    assert money.json_schema(mode=mode) == {
        "type": "string",
        "pattern": r"^-?[0-9]{1,10}(\.[0-9]{1,2})?$",
        "examples": ["12.50"],
    }


def test_a_page_has_the_first_50_rows_by_default() -> None:
    assert Page() == Page(limit=50, offset=0)


@pytest.mark.parametrize(("limit", "offset"), [(1, 0), (100, 1_000_000)])
def test_a_page_at_a_limit_is_accepted(limit: int, offset: int) -> None:
    page = Page(limit=limit, offset=offset)

    assert (page.limit, page.offset) == (limit, offset)


@pytest.mark.parametrize(
    ("data", "error"),
    [
        ({"limit": 0}, "greater_than_equal"),
        ({"limit": 101}, "less_than_equal"),
        ({"offset": -1}, "greater_than_equal"),
        ({"offset": 1_000_001}, "less_than_equal"),
        ({"page": 2}, "extra_forbidden"),
    ],
)
def test_an_invalid_page_is_refused(data: dict[str, Any], error: str) -> None:
    assert error_of(TypeAdapter(Page), data) == error

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import jwt
import pytest
from pydantic import SecretStr

from app import NAME
from app.auth.tokens import issue_token, read_token
from app.db.base import now
from app.errors import UnauthenticatedError
from app.settings import Settings


@pytest.fixture
def claims() -> dict[str, Any]:
    """Those of a valid token, for a test to change one of them."""
    return {
        "sub": str(uuid4()),
        "iss": NAME,
        "aud": NAME,
        "iat": now(),
        "exp": now() + timedelta(minutes=1),
    }


@pytest.fixture
def key(settings: Settings) -> str:
    return settings.secret_key.get_secret_value()


def test_a_token_identifies_its_user(settings: Settings) -> None:
    user_id = uuid4()

    assert read_token(issue_token(user_id, settings), settings) == user_id


def test_a_token_is_valid_as_long_as_the_settings_say(settings: Settings, key: str) -> None:
    token = issue_token(uuid4(), settings)

    claims = jwt.decode(token, key, algorithms=["HS256"], audience=NAME)
    assert claims["exp"] - claims["iat"] == settings.access_token_minutes * 60


def test_a_token_with_all_claims_is_valid(
    settings: Settings, key: str, claims: dict[str, Any]
) -> None:
    token = jwt.encode(claims, key, algorithm="HS256")

    assert read_token(token, settings) == UUID(claims["sub"])


@pytest.mark.parametrize("name", ["sub", "iss", "aud", "iat", "exp"])
def test_a_token_that_lacks_a_claim_is_refused(
    settings: Settings, key: str, claims: dict[str, Any], name: str
) -> None:
    del claims[name]

    with pytest.raises(UnauthenticatedError):
        read_token(jwt.encode(claims, key, algorithm="HS256"), settings)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("sub", "not a user id"),
        ("iss", "another service"),
        ("aud", "another service"),
        ("exp", now() - timedelta(seconds=1)),
    ],
)
def test_a_token_with_a_wrong_claim_is_refused(
    settings: Settings, key: str, claims: dict[str, Any], name: str, value: object
) -> None:
    claims[name] = value

    with pytest.raises(UnauthenticatedError):
        read_token(jwt.encode(claims, key, algorithm="HS256"), settings)


@pytest.mark.parametrize(
    ("another_key", "algorithm"),
    [("another key, which is as long as the real one", "HS256"), ("", "none")],
    ids=["signed with another key", "not signed"],
)
def test_a_token_that_another_key_has_signed_is_refused(
    settings: Settings, claims: dict[str, Any], another_key: str, algorithm: str
) -> None:
    with pytest.raises(UnauthenticatedError):
        read_token(jwt.encode(claims, another_key, algorithm=algorithm), settings)


def test_a_token_that_another_algorithm_has_signed_is_refused(
    settings: Settings, claims: dict[str, Any]
) -> None:
    key = "x" * 64  # as long as this algorithm needs
    token = jwt.encode(claims, key, algorithm="HS512")

    with pytest.raises(UnauthenticatedError):
        read_token(token, settings.model_copy(update={"secret_key": SecretStr(key)}))

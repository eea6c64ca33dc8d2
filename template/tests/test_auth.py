"""The only tests that register and log in; all others act as `fake_user`."""

from unittest.mock import ANY
from uuid import uuid4

import pytest
from fastapi import FastAPI
from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncSession
from structlog.testing import capture_logs

from app.auth.dependencies import CurrentUser
from app.auth.models import User
from app.auth.passwords import PasswordHasher
from app.auth.schemas import UserCreate
from app.auth.tokens import issue_token
from app.errors import UnauthenticatedError
from app.settings import Settings
from tests.client import AsyncClient, Response
from tests.helpers import add_user, problem

NEW_USER = {"email": "grace@example.com", "password": "correct horse"}


@pytest.fixture
async def registered_user(session: AsyncSession, settings: Settings, fake_user: User) -> User:
    """The password is "correct horse"; there is another user, too."""
    password_hash = await PasswordHasher(settings).hash("correct horse")
    return await add_user(session, "grace@example.com", password_hash)


async def log_in(client: AsyncClient, email: str, password: str) -> Response:
    return await client.post("/auth/token", data={"username": email, "password": password})


async def read_me(client: AsyncClient, token: str) -> Response:
    return await client.get("/auth/me", headers={"Authorization": f"Bearer {token}"})


async def test_a_registration_returns_the_user_without_the_password(
    anonymous_client: AsyncClient,
) -> None:
    response = await anonymous_client.post("/auth/register", json=NEW_USER)

    assert response.status_code == 201
    assert response.json() == {"id": ANY, "email": "grace@example.com"}


async def test_an_email_address_is_registered_only_once_in_any_case(
    anonymous_client: AsyncClient, registered_user: User
) -> None:
    response = await anonymous_client.post(
        "/auth/register", json={**NEW_USER, "email": "GRACE@example.com"}
    )

    assert response.status_code == 409
    assert response.json() == problem(409, "Conflict", "This email address is already registered.")


async def test_a_refused_registration_does_not_change_the_first_user(
    anonymous_client: AsyncClient, registered_user: User, session: AsyncSession
) -> None:
    password_hash = registered_user.password_hash

    await anonymous_client.post("/auth/register", json={**NEW_USER, "password": "wrong horse"})

    await session.refresh(registered_user)
    assert registered_user.password_hash == password_hash


async def test_a_registration_with_an_invalid_part_is_refused(
    anonymous_client: AsyncClient,
) -> None:
    response = await anonymous_client.post("/auth/register", json={**NEW_USER, "password": "pw"})

    assert response.status_code == 422
    assert response.json() == problem(
        422,
        "Unprocessable Content",
        "The request has invalid parts.",
        [{"type": "string_too_short", "location": ["body", "password"], "message": ANY}],
    )


@pytest.mark.parametrize("length", [7, 129])
def test_a_password_shorter_than_8_or_longer_than_128_is_refused(length: int) -> None:
    with pytest.raises(ValidationError, match=r"String should have at (least 8|most 128)"):
        UserCreate.model_validate({**NEW_USER, "password": "x" * length})


@pytest.mark.parametrize("length", [8, 128])
def test_a_password_of_8_to_128_characters_is_accepted(length: int) -> None:
    user = UserCreate.model_validate({**NEW_USER, "password": "x" * length})

    assert user.password.get_secret_value() == "x" * length


async def test_an_anonymous_client_can_send_16_kib(anonymous_client: AsyncClient) -> None:
    response = await anonymous_client.post(
        "/auth/register", content=b" " * 16 * 1024, headers={"Content-Type": "application/json"}
    )

    assert response.status_code == 400


async def test_a_refused_password_is_not_in_the_response(anonymous_client: AsyncClient) -> None:
    response = await anonymous_client.post(
        "/auth/register", json={**NEW_USER, "password": "s3cret"}
    )

    assert response.status_code == 422
    assert "s3cret" not in response.text


async def test_a_login_returns_a_token_that_identifies_the_user(
    anonymous_client: AsyncClient, registered_user: User
) -> None:
    login = await log_in(anonymous_client, "Grace@Example.com", "correct horse")

    assert login.status_code == 200
    assert login.json() == {"access_token": ANY, "token_type": "bearer", "expires_in": 1800}

    response = await read_me(anonymous_client, login.json()["access_token"])

    assert response.status_code == 200
    assert response.json() == {"id": str(registered_user.id), "email": "grace@example.com"}


async def test_a_login_with_a_wrong_password_does_not_reveal_what_was_wrong(
    anonymous_client: AsyncClient, registered_user: User
) -> None:
    response = await log_in(anonymous_client, "grace@example.com", "wrong horse")

    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == "Bearer"
    assert response.json() == problem(
        401, "Unauthorized", "The email address or the password is wrong."
    )


async def test_a_user_whose_hash_is_none_cannot_log_in(
    anonymous_client: AsyncClient, fake_user: User
) -> None:
    response = await log_in(anonymous_client, fake_user.email, "correct horse")

    assert response.status_code == 401


async def test_a_login_without_a_password_is_refused(anonymous_client: AsyncClient) -> None:
    response = await anonymous_client.post("/auth/token", data={"username": "ada@example.com"})

    assert response.status_code == 422
    assert response.json() == problem(
        422,
        "Unprocessable Content",
        "The request has invalid parts.",
        [{"type": "missing", "location": ["body", "password"], "message": "Field required"}],
    )


async def test_a_request_without_a_token_is_refused(anonymous_client: AsyncClient) -> None:
    response = await anonymous_client.get("/auth/me")

    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == "Bearer"
    assert response.json() == problem(401, "Unauthorized", "Not authenticated")


async def test_an_invalid_token_is_refused(anonymous_client: AsyncClient) -> None:
    response = await read_me(anonymous_client, "no.valid.token")

    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == "Bearer"
    assert response.json() == problem(401, "Unauthorized", "The token is invalid or has expired.")


async def test_the_token_of_a_deleted_user_is_refused(
    anonymous_client: AsyncClient, settings: Settings
) -> None:
    response = await read_me(anonymous_client, issue_token(uuid4(), settings))

    assert response.status_code == 401
    assert response.json() == problem(
        401, "Unauthorized", "The user of this token no longer exists."
    )


@pytest.mark.in_process
async def test_a_wrong_password_is_logged_with_the_user_and_the_client(
    anonymous_client: AsyncClient, registered_user: User
) -> None:
    with capture_logs() as logs:
        await log_in(anonymous_client, "grace@example.com", "wrong horse")

    assert logs[0] == {
        "event": "Authentication failed",
        "log_level": "warning",
        "reason": "The email address or the password is wrong.",
        "path": "/auth/token",
        "client": "127.0.0.1",
        "user_id": str(registered_user.id),
    }


@pytest.mark.in_process
async def test_an_unknown_address_is_logged_without_it(anonymous_client: AsyncClient) -> None:
    with capture_logs() as logs:
        await log_in(anonymous_client, "nobody@example.com", "wrong horse")

    assert logs[0] == {
        "event": "Authentication failed",
        "log_level": "warning",
        "reason": "The email address or the password is wrong.",
        "path": "/auth/token",
        "client": "127.0.0.1",
        "user_id": None,
    }


@pytest.mark.in_process
async def test_a_refused_token_is_logged_without_it(anonymous_client: AsyncClient) -> None:
    with capture_logs() as logs:
        await read_me(anonymous_client, "no.valid.token")

    assert logs[0] == {
        "event": "Authentication failed",
        "log_level": "warning",
        "reason": "The token is invalid or has expired.",
        "path": "/auth/me",
        "client": "127.0.0.1",
        "user_id": None,
    }


@pytest.mark.in_process
async def test_the_token_of_a_deleted_user_is_logged_with_the_user(
    anonymous_client: AsyncClient, settings: Settings
) -> None:
    user_id = uuid4()

    with capture_logs() as logs:
        await read_me(anonymous_client, issue_token(user_id, settings))

    assert logs[0] == {
        "event": "Authentication failed",
        "log_level": "warning",
        "reason": "The user of this token no longer exists.",
        "path": "/auth/me",
        "client": "127.0.0.1",
        "user_id": str(user_id),
    }


@pytest.mark.in_process
async def test_a_long_reason_or_path_of_a_401_is_cut_in_the_log(
    anonymous_client: AsyncClient, app_with_login: FastAPI
) -> None:
    @app_with_login.get("/{name}")
    async def refuse(name: str) -> None:
        raise UnauthenticatedError(name)

    with capture_logs() as logs:
        await anonymous_client.get("/" + "x" * 300)

    assert (logs[0]["reason"], logs[0]["path"]) == ("x" * 200, "/" + "x" * 199)


def test_the_openapi_document_names_the_login_route() -> None:
    service = FastAPI()

    @service.get("/")
    async def needs_a_user(user: CurrentUser) -> None: ...

    (scheme,) = service.openapi()["components"]["securitySchemes"].values()
    assert scheme["flows"]["password"]["tokenUrl"] == "auth/token"

import pytest
from pydantic import ValidationError
from sqlalchemy import URL

from app.settings import Settings


@pytest.fixture(autouse=True)
def database_in_the_environment(monkeypatch: pytest.MonkeyPatch, database_url: URL) -> None:
    """The one variable that every service has; a test sets others."""
    monkeypatch.setenv("DATABASE_URL", database_url.render_as_string(hide_password=False))


def test_development_needs_no_other_settings() -> None:
    assert Settings().environment == "development"


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOG_LEVEL", "WARNING")

    assert Settings().log_level == "WARNING"


def test_the_database_comes_from_the_environment(database_url: URL) -> None:
    assert Settings().database_url == database_url


@pytest.mark.parametrize("secret", [None, "x" * 31])
def test_production_refuses_a_weak_secret(
    monkeypatch: pytest.MonkeyPatch, secret: str | None
) -> None:
    monkeypatch.setenv("ENVIRONMENT", "production")
    if secret is not None:
        monkeypatch.setenv("SECRET_KEY", secret)

    with pytest.raises(ValidationError, match="SECRET_KEY must be a random text"):
        Settings()


def test_production_accepts_a_long_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENVIRONMENT", "production")
    monkeypatch.setenv("SECRET_KEY", "x" * 32)

    assert Settings().secret_key.get_secret_value() == "x" * 32


def test_a_refused_secret_is_not_in_the_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "too short a secret")

    with pytest.raises(ValidationError) as error:
        Settings()

    assert "too short a secret" not in str(error.value)

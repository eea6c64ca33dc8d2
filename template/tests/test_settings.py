import pytest
from pydantic import ValidationError

from app.settings import Settings


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing but what a test sets."""
    monkeypatch.setitem(Settings.model_config, "env_file", None)
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


def test_development_needs_no_settings() -> None:
    assert Settings().environment == "development"


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "sqlite+aiosqlite:////data/service.db")

    assert Settings().database_url.database == "/data/service.db"


@pytest.mark.parametrize("secret", [None, "x" * 31])
def test_production_refuses_a_weak_secret(
    monkeypatch: pytest.MonkeyPatch, secret: str | None
) -> None:
    monkeypatch.setenv("ENVIRONMENT", "production")
    if secret is not None:
        monkeypatch.setenv("SECRET_KEY", secret)

    with pytest.raises(ValidationError, match="SECRET_KEY must be a random text"):
        Settings()


def test_production_takes_a_long_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENVIRONMENT", "production")
    monkeypatch.setenv("SECRET_KEY", "x" * 32)

    assert Settings().secret_key.get_secret_value() == "x" * 32


def test_a_refused_secret_is_not_in_the_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "too short a secret")

    with pytest.raises(ValidationError) as error:
        Settings()

    assert "too short a secret" not in str(error.value)


@pytest.mark.parametrize("url", ["service.db", "sqlite:///service.db"])
def test_a_url_of_another_database_is_refused(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("DATABASE_URL", url)

    with pytest.raises(ValidationError, match="DATABASE_URL must look like sqlite"):
        Settings()

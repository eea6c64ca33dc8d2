from pathlib import Path

import pytest
from pydantic import ValidationError
from sqlalchemy import URL

from app.settings import Settings

WEAK_SECRET = (
    "Value error, SECRET_KEY must be a random text of at least 32 bytes; make one with: "
    'python -c "import secrets; print(secrets.token_urlsafe(32))"'
)


@pytest.fixture(autouse=True)
def database_in_the_environment(monkeypatch: pytest.MonkeyPatch, database_url: URL) -> None:
    """The one variable that every service has; a test sets others."""
    monkeypatch.setenv("DATABASE_URL", database_url.render_as_string(hide_password=False))


def test_development_needs_no_other_settings() -> None:
    names = {
        "environment",
        "log_level",
        "access_token_minutes",
        "argon2_memory_kib",
        "argon2_passes",
    }

    assert Settings().model_dump(include=names) == {
        "environment": "development",
        "log_level": "INFO",
        "access_token_minutes": 30,
        "argon2_memory_kib": 19 * 1024,
        "argon2_passes": 2,
    }


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOG_LEVEL", "WARNING")

    assert Settings().log_level == "WARNING"


def test_settings_come_from_a_file_that_has_other_variables_too(
    monkeypatch: pytest.MonkeyPatch, env_file_of_settings: object, tmp_path: Path
) -> None:
    monkeypatch.setitem(Settings.model_config, "env_file", env_file_of_settings)
    monkeypatch.chdir(tmp_path)
    Path(".env").write_text("LOG_LEVEL=WARNING\nANOTHER_PROGRAM=yes\n")

    assert Settings().log_level == "WARNING"


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="Instance is frozen"):
        Settings().log_level = "DEBUG"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("name", "value"),
    [("access_token_minutes", 1), ("argon2_memory_kib", 8), ("argon2_passes", 1)],
)
def test_a_number_at_its_limit_is_accepted(
    monkeypatch: pytest.MonkeyPatch, name: str, value: int
) -> None:
    monkeypatch.setenv(name.upper(), str(value))

    assert Settings().model_dump(include={name}) == {name: value}


@pytest.mark.parametrize(
    ("name", "value"),
    [("access_token_minutes", 0), ("argon2_memory_kib", 7), ("argon2_passes", 0)],
)
def test_a_number_below_its_limit_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, value: int
) -> None:
    monkeypatch.setenv(name.upper(), str(value))

    with pytest.raises(ValidationError) as error:
        Settings()

    assert [part["loc"] for part in error.value.errors()] == [(name,)]


def test_the_database_comes_from_the_environment(database_url: URL) -> None:
    assert Settings().database_url == database_url


@pytest.mark.parametrize("secret", [None, "for-development-only-never-in-production", "x" * 31])
def test_production_refuses_a_weak_secret(
    monkeypatch: pytest.MonkeyPatch, secret: str | None
) -> None:
    monkeypatch.setenv("ENVIRONMENT", "production")
    if secret is not None:
        monkeypatch.setenv("SECRET_KEY", secret)

    with pytest.raises(ValidationError) as error:
        Settings()

    assert [part["msg"] for part in error.value.errors()] == [WEAK_SECRET]


@pytest.mark.parametrize("secret", ["x" * 32, "é" * 16])
def test_production_accepts_a_secret_of_32_bytes(
    monkeypatch: pytest.MonkeyPatch, secret: str
) -> None:
    monkeypatch.setenv("ENVIRONMENT", "production")
    monkeypatch.setenv("SECRET_KEY", secret)

    assert Settings().secret_key.get_secret_value() == secret


def test_a_refused_secret_is_not_in_the_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "too short a secret")

    with pytest.raises(ValidationError) as error:
        Settings()

    assert "too short a secret" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "origins"),
    [
        ("", ()),
        ("*", ("*",)),
        (
            "https://app.example.com, http://localhost:3000,",
            ("https://app.example.com", "http://localhost:3000"),
        ),
    ],
)
def test_origins_are_separated_by_commas(
    monkeypatch: pytest.MonkeyPatch, text: str, origins: tuple[str, ...]
) -> None:
    monkeypatch.setenv("CORS_ORIGINS", text)

    assert Settings().cors_origins == origins


@pytest.mark.parametrize("text", ["app.example.com", "https://app.example.com/", "https://*,x"])
def test_a_text_that_no_browser_sends_as_its_origin_is_refused(
    monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("CORS_ORIGINS", text)

    with pytest.raises(ValidationError, match=r"must look like https://app\.example\.com"):
        Settings()

import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from pydantic import ValidationError
from sqlalchemy import URL

from app.settings import Settings

STRONG_SECRET = "a secret that only this test knows"


@pytest.fixture(autouse=True)
def database_in_the_environment(monkeypatch: pytest.MonkeyPatch, database_url: URL) -> None:
    """The one variable that every service has; a test sets others."""
    monkeypatch.setenv("DATABASE_URL", database_url.render_as_string(hide_password=False))


def test_development_needs_no_other_settings() -> None:
    names = {
        "environment",
        "log_level",
        "api_docs",
        "access_token_minutes",
        "argon2_memory_kib",
        "argon2_passes",
    }

    assert Settings().model_dump(include=names) == {
        "environment": "development",
        "log_level": "INFO",
        "api_docs": None,
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
    [
        ("access_token_minutes", 1),
        ("access_token_minutes", 24 * 60),
        ("argon2_memory_kib", 8),
        ("argon2_memory_kib", 1024 * 1024),
        ("argon2_passes", 1),
        ("argon2_passes", 100),
    ],
)
def test_a_number_at_its_limit_is_accepted(
    monkeypatch: pytest.MonkeyPatch, name: str, value: int
) -> None:
    monkeypatch.setenv(name.upper(), str(value))

    assert Settings().model_dump(include={name}) == {name: value}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("access_token_minutes", 0),
        ("access_token_minutes", 24 * 60 + 1),
        ("argon2_memory_kib", 7),
        ("argon2_memory_kib", 1024 * 1024 + 1),
        ("argon2_passes", 0),
        ("argon2_passes", 101),
    ],
)
def test_a_number_beyond_its_limit_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, value: int
) -> None:
    monkeypatch.setenv(name.upper(), str(value))

    with pytest.raises(ValidationError) as error:
        Settings()

    assert [part["loc"] for part in error.value.errors()] == [(name,)]


def test_the_database_comes_from_the_environment(database_url: URL) -> None:
    assert Settings().database_url == database_url


@pytest.mark.parametrize(
    ("secret", "fault"),
    [
        (None, "is that of development, which is public"),
        ("for-development-only-never-in-production", "is that of development, which is public"),
        ("a secret of only 31 characters!", "is shorter"),
        ("123456789" * 5, "has fewer than 10 different characters"),
        ("my-CHANGE_ME-0123456789-0123456789", "contains a placeholder such as `changeme`"),
        ("changeme-changeme-0123456789-0123", "contains a placeholder such as `changeme`"),
    ],
)
def test_production_refuses_a_weak_secret(
    monkeypatch: pytest.MonkeyPatch, secret: str | None, fault: str
) -> None:
    monkeypatch.setenv("ENVIRONMENT", "production")
    if secret is not None:
        monkeypatch.setenv("SECRET_KEY", secret)

    with pytest.raises(ValidationError) as error:
        Settings()

    assert [part["msg"] for part in error.value.errors()] == [
        f"Value error, SECRET_KEY must be a random text of at least 32 bytes; this one {fault}. "
        'Make one with: python -c "import secrets; print(secrets.token_urlsafe(32))"'
    ]


@pytest.mark.parametrize("secret", ["0123456789" + "0" * 22, "äöüßéèêàçñ" + "0" * 12])
def test_production_accepts_a_secret_of_32_bytes(
    monkeypatch: pytest.MonkeyPatch, secret: str
) -> None:
    monkeypatch.setenv("ENVIRONMENT", "production")
    monkeypatch.setenv("SECRET_KEY", secret)

    assert Settings().secret_key.get_secret_value() == secret


@pytest.mark.parametrize("secret", ["x" * 32, "changeme" * 4])
def test_development_accepts_any_secret_of_32_bytes(
    monkeypatch: pytest.MonkeyPatch, secret: str
) -> None:
    monkeypatch.setenv("SECRET_KEY", secret)

    assert Settings().secret_key.get_secret_value() == secret


# The choices of OWASP's password storage cheat sheet.
@pytest.mark.parametrize(
    ("passes", "least"), [(1, 47104), (2, 19456), (3, 12288), (4, 9216), (5, 7168), (100, 7168)]
)
def test_production_refuses_a_hash_that_is_cheap_to_guess(
    monkeypatch: pytest.MonkeyPatch, passes: int, least: int
) -> None:
    monkeypatch.setenv("ENVIRONMENT", "production")
    monkeypatch.setenv("SECRET_KEY", STRONG_SECRET)
    monkeypatch.setenv("ARGON2_PASSES", str(passes))
    monkeypatch.setenv("ARGON2_MEMORY_KIB", str(least))
    assert Settings().argon2_memory_kib == least

    monkeypatch.setenv("ARGON2_MEMORY_KIB", str(least - 1))
    with pytest.raises(ValidationError) as error:
        Settings()

    assert [part["msg"] for part in error.value.errors()] == [
        f"Value error, ARGON2_MEMORY_KIB must be at least {least} in production if ARGON2_PASSES "
        f"is {passes}, or stolen hashes are cheap to guess; more passes need less"
    ]


@pytest.mark.parametrize(
    "show",
    [
        repr,
        str,
        "{}".format,
        vars,
        dict,
        Settings.model_dump,
        partial(Settings.model_dump, mode="json"),
        Settings.model_dump_json,
    ],
    ids=["repr", "str", "format", "vars", "dict", "model_dump", "in JSON mode", "model_dump_json"],
)
def test_no_way_of_printing_the_settings_shows_a_secret(
    database_url: URL, show: Callable[[Settings], object]
) -> None:
    url = database_url.set(username="service", password="the-password", host="localhost")
    settings = Settings(database_url=url, secret_key=STRONG_SECRET)
    assert settings.database_url.password == "the-password"

    shown = str(show(settings))

    assert "service:***@" in shown
    assert "*****" in shown
    assert "the-password" not in shown
    assert STRONG_SECRET not in shown


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SECRET_KEY", "too short a secret"),
        ("DATABASE_URL", "nosql://service:too-short-a-secret@localhost"),
        ("ACCESS_TOKEN_MINUTES", "too short a secret"),
    ],
)
def test_a_refused_value_is_not_in_the_error(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(ValidationError) as error:
        Settings()

    printed = "".join(traceback.format_exception(error.value)) + repr(error.value)
    assert name.casefold() in printed.casefold()
    assert value not in printed


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

    with pytest.raises(
        ValidationError, match=r"error, CORS_ORIGINS: .* must look like https://app\.example\.com"
    ):
        Settings()

import re
from typing import Annotated, Literal, Self

from fastapi import Depends
from pydantic import BeforeValidator, Field, SecretStr, model_validator
from pydantic_settings import NoDecode, SettingsConfigDict
from starlette.requests import HTTPConnection

from app.db.engine import DatabaseSettings

DEVELOPMENT_SECRET_KEY = "for-development-only-never-in-production"
MIN_SECRET_BYTES = 32
MIN_SECRET_CHARACTERS = 10
PLACEHOLDER = re.compile("change.?me", re.IGNORECASE)
ORIGIN = re.compile(r"\*|https?://[^/?#@\s,]+")

# The memory that a hash of so many passes needs at least: OWASP's password storage cheat sheet.
MIN_ARGON2_KIB = {1: 47_104, 2: 19_456, 3: 12_288, 4: 9_216, 5: 7_168}


def parse_origins(value: object) -> object:
    """Splits the text of a variable at its commas. A browser sends an origin without a path."""
    if not isinstance(value, str):
        return value
    origins = [origin.strip() for origin in value.split(",") if origin.strip()]
    for origin in origins:
        if not ORIGIN.fullmatch(origin):
            raise ValueError(f"CORS_ORIGINS: {origin!r} must look like https://app.example.com")
    return origins


class Settings(DatabaseSettings):
    """Read from the environment, then from `.env`; each name in upper case."""

    model_config = SettingsConfigDict(
        env_file=".env",
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )

    environment: Literal["development", "production"] = "development"
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    # Whether there are /docs, /redoc and /openapi.json. By default, only in development.
    api_docs: bool | None = None

    secret_key: SecretStr = SecretStr(DEVELOPMENT_SECRET_KEY)
    # A token can't be taken back, so a day is the limit.
    access_token_minutes: int = Field(default=30, ge=1, le=24 * 60)
    # One hash costs about 20 ms and 19 MiB: the first choice of OWASP's password
    # storage cheat sheet. One lane, so that a login never takes every core.
    argon2_memory_kib: int = Field(default=19 * 1024, ge=8, le=1024 * 1024)
    argon2_passes: int = Field(default=2, ge=1, le=100)

    # The pages that may call this service from a browser: https://app.example.com, or *
    cors_origins: Annotated[tuple[str, ...], NoDecode, BeforeValidator(parse_origins)] = ()

    # The settings of your own slices go below this line.

    @property
    def has_api_docs(self) -> bool:
        return self.environment == "development" if self.api_docs is None else self.api_docs

    @property
    def has_public_secret(self) -> bool:
        return self.secret_key.get_secret_value() == DEVELOPMENT_SECRET_KEY

    @model_validator(mode="after")
    def refuse_a_weak_secret(self) -> Self:
        if fault := self.fault_of_secret():
            raise ValueError(
                f"SECRET_KEY must be a random text of at least {MIN_SECRET_BYTES} bytes; this one "
                f"{fault}. Make one with: "
                'python -c "import secrets; print(secrets.token_urlsafe(32))"'
            )
        return self

    def fault_of_secret(self) -> str | None:
        secret = self.secret_key.get_secret_value()
        if len(secret.encode()) < MIN_SECRET_BYTES:
            return "is shorter"
        if self.environment == "development":
            return None
        if self.has_public_secret:
            return "is that of development, which is public"
        if len(set(secret)) < MIN_SECRET_CHARACTERS:
            return f"has fewer than {MIN_SECRET_CHARACTERS} different characters"
        return "contains a placeholder such as `changeme`" if PLACEHOLDER.search(secret) else None

    @model_validator(mode="after")
    def refuse_a_cheap_hash(self) -> Self:
        least = MIN_ARGON2_KIB[min(self.argon2_passes, max(MIN_ARGON2_KIB))]
        if self.environment == "production" and self.argon2_memory_kib < least:
            raise ValueError(
                f"ARGON2_MEMORY_KIB must be at least {least} in production if ARGON2_PASSES is "
                f"{self.argon2_passes}, or stolen hashes are cheap to guess; more passes need less"
            )
        return self


async def get_settings(connection: HTTPConnection) -> Settings:
    settings: Settings = connection.app.state.settings
    return settings


SettingsDep = Annotated[Settings, Depends(get_settings)]

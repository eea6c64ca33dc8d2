import re
from typing import Annotated, Literal, Self

from fastapi import Depends
from pydantic import BeforeValidator, Field, SecretStr, model_validator
from pydantic_settings import NoDecode, SettingsConfigDict
from starlette.requests import HTTPConnection

from app.db.engine import DatabaseSettings

DEVELOPMENT_SECRET_KEY = "for-development-only-never-in-production"
ORIGIN = re.compile(r"\*|https?://[^/?#@\s,]+")


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

    secret_key: SecretStr = SecretStr(DEVELOPMENT_SECRET_KEY)
    access_token_minutes: int = Field(default=30, gt=0)
    # One hash costs about 20 ms and 19 MiB: the first choice of OWASP's password
    # storage cheat sheet. One lane, so that a login never takes every core.
    argon2_memory_kib: int = Field(default=19 * 1024, ge=8)
    argon2_passes: int = Field(default=2, ge=1)

    # The pages that may call this service from a browser: https://app.example.com, or *
    cors_origins: Annotated[tuple[str, ...], NoDecode, BeforeValidator(parse_origins)] = ()

    # The settings of your own slices go below this line.

    @model_validator(mode="after")
    def refuse_a_weak_secret(self) -> Self:
        secret = self.secret_key.get_secret_value()
        is_known = secret == DEVELOPMENT_SECRET_KEY and self.environment != "development"
        if is_known or len(secret.encode()) < 32:
            raise ValueError(
                "SECRET_KEY must be a random text of at least 32 bytes; make one with: "
                'python -c "import secrets; print(secrets.token_urlsafe(32))"'
            )
        return self


async def get_settings(connection: HTTPConnection) -> Settings:
    settings: Settings = connection.app.state.settings
    return settings


SettingsDep = Annotated[Settings, Depends(get_settings)]

from typing import Annotated, Literal, Self

from fastapi import Depends, Request
from pydantic import Field, SecretStr, model_validator
from pydantic_settings import SettingsConfigDict

from app.db.engine import DatabaseSettings

DEVELOPMENT_SECRET_KEY = "for-development-only-never-in-production"


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


async def get_settings(request: Request) -> Settings:
    settings: Settings = request.app.state.settings
    return settings


SettingsDep = Annotated[Settings, Depends(get_settings)]

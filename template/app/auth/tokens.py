from datetime import timedelta
from uuid import UUID

import jwt

from app import NAME
from app.db.base import now
from app.errors import UnauthenticatedError
from app.settings import Settings

ALGORITHM = "HS256"


def issue_token(user_id: UUID, settings: Settings) -> str:
    issued_at = now()
    return jwt.encode(
        {
            "sub": str(user_id),
            # A token of another service is refused here, even if both have the same secret.
            "iss": NAME,
            "aud": NAME,
            "iat": issued_at,
            "exp": issued_at + timedelta(minutes=settings.access_token_minutes),
        },
        settings.secret_key.get_secret_value(),
        algorithm=ALGORITHM,
    )


def read_token(token: str, settings: Settings) -> UUID:
    try:
        claims = jwt.decode(
            token,
            settings.secret_key.get_secret_value(),
            algorithms=[ALGORITHM],
            audience=NAME,
            issuer=NAME,
            # Without this, a token that lacks one of them is valid.
            options={"require": ["exp", "iat", "sub", "aud", "iss"]},
        )
        return UUID(claims["sub"])
    except (jwt.InvalidTokenError, ValueError) as error:
        # ValueError: the subject is not a UUID.
        raise UnauthenticatedError("The token is invalid or has expired.") from error

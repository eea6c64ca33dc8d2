from datetime import timedelta
from uuid import UUID

import jwt

from app.db.base import now
from app.errors import UnauthenticatedError
from app.settings import Settings

ALGORITHM = "HS256"
ISSUER = "service"
AUDIENCE = "service"


def issue_token(user_id: UUID, settings: Settings) -> str:
    issued_at = now()
    return jwt.encode(
        {
            "sub": str(user_id),
            "iss": ISSUER,
            "aud": AUDIENCE,
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
            audience=AUDIENCE,
            issuer=ISSUER,
            # Without this a token that lacks one of them is valid.
            options={"require": ["exp", "iat", "sub", "aud", "iss"]},
        )
        return UUID(claims["sub"])
    except (jwt.InvalidTokenError, ValueError) as error:
        # ValueError: a subject that is no UUID.
        raise UnauthenticatedError("The token is invalid or has expired.") from error

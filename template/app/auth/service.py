from uuid import UUID

from pydantic import ValidationError
from sqlalchemy import bindparam, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.models import User
from app.auth.passwords import PasswordHasher
from app.auth.schemas import UserCreate, email_adapter
from app.errors import ConflictError, UnauthenticatedError

WRONG_CREDENTIALS = "The email address or the password is wrong."

# Built once, since each request needs it: to build a statement takes longer than to execute it.
USER_BY_ID = select(User).where(User.id == bindparam("user_id"))


async def register(session: AsyncSession, hasher: PasswordHasher, new: UserCreate) -> User:
    user = User(email=new.email, password_hash=await hasher.hash(new.password.get_secret_value()))
    session.add(user)
    try:
        await session.commit()
    except IntegrityError:
        raise ConflictError("This email address is already registered.") from None
    return user


async def authenticate(
    session: AsyncSession, hasher: PasswordHasher, email: str, password: str
) -> User:
    user = await find_user_by_email(session, email)
    # Gives the connection back: the others would run out of them while logins wait for a hash.
    await session.commit()
    if user is None:
        # As slow as a wrong password, or the time would reveal who is registered.
        await hasher.hash(password)
        raise UnauthenticatedError(WRONG_CREDENTIALS)
    valid, new_hash = await hasher.verify(password, user.password_hash)
    if not valid:
        raise UnauthenticatedError(WRONG_CREDENTIALS, user.id)
    if new_hash is not None:
        user.password_hash = new_hash
        await session.commit()
    return user


async def find_user_by_email(session: AsyncSession, email: str) -> User | None:
    try:
        # Normalise as registration does.
        email = email_adapter.validate_python(email)
    except ValidationError:
        return None
    return await session.scalar(select(User).where(User.email == email))


async def get_user(session: AsyncSession, user_id: UUID) -> User:
    """Raises `UnauthenticatedError` for a user that may no longer use the service."""
    user = await session.scalar(USER_BY_ID, {"user_id": user_id})
    if user is None:
        raise UnauthenticatedError("The user of this token no longer exists.", user_id)
    return user

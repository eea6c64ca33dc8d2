from typing import Annotated

from fastapi import Depends

from app.admin.schemas import Role
from app.auth.dependencies import CurrentUser
from app.auth.models import User
from app.errors import ForbiddenError


async def get_admin(user: CurrentUser) -> User:
    if user.role != Role.ADMIN:
        raise ForbiddenError("Only an administrator may do this.")
    return user


CurrentAdmin = Annotated[User, Depends(get_admin)]

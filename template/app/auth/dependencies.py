from typing import Annotated

from fastapi import Depends
from fastapi.security import OAuth2PasswordBearer

from app.auth import service
from app.auth.models import User
from app.auth.tokens import read_token
from app.db.session import SessionDep
from app.settings import SettingsDep

TokenDep = Annotated[str, Depends(OAuth2PasswordBearer(tokenUrl="auth/token"))]


async def get_current_user(token: TokenDep, settings: SettingsDep, session: SessionDep) -> User:
    return await service.get_user(session, read_token(token, settings))


CurrentUser = Annotated[User, Depends(get_current_user)]
